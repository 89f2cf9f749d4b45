// Package sketch holds summaries that merge: exponential histograms (at most 1%
// relative error at every quantile) and counts of distinct members. The same code
// makes them in the collector and merges them in the relay. It knows no wire
// format: package frame has that.
package sketch
