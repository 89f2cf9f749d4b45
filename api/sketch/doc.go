// Package sketch holds mergeable summaries: exponential histograms, with a relative error
// of at most 1% at every quantile, and counts of distinct members (HyperLogLog). A
// collector builds them and a relay merges them with the same code.
//
// It contains no wire format: package frame does.
package sketch
