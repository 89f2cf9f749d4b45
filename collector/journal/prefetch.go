//go:build amd64 || arm64

package journal

// prefetch asks the processor for an entry at p, and for what was written last before it: most
// often the entry's message. It reads nothing, so p may be anywhere.
//
//go:noescape
func prefetch(p *byte)
