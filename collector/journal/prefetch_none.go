//go:build !amd64 && !arm64

package journal

func prefetch(*byte) {}
