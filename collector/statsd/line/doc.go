// Package line parses StatsD lines: DogStatsD 1.0 to 1.6 with events and service checks,
// and etsy's dialect. It reads each line once, in place, and allocates nothing. Its
// results are slices of the packet, which it does not retain. It accepts a line entirely
// or not at all.
package line
