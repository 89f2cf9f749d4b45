// Package line parses StatsD lines: DogStatsD 1.0 to 1.6 with events and service
// checks, and etsy's dialect. It looks at a line once, in place, and allocates
// nothing: what it hands out are views into the datagram. It never accepts half
// a line, and never keeps a byte of one.
package line
