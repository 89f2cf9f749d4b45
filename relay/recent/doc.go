// Package recent keeps the frames that a relay received, still compressed: the
// last minutes in memory, longer in time segments on disk, both bounded by age
// and bytes, the oldest dropped first. It answers queries by decoding only the
// frames, kinds and columns that they ask for.
//
// It never talks to a network, never changes a frame, and never waits for the disk
// while it holds the lock that Append needs.
package recent
