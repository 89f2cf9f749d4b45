// Package recent keeps the frames that a relay received, still compressed: the
// last minutes in memory, longer in time segments on disk, both bounded by age
// and bytes, oldest out first. It answers queries by decoding only the frames,
// kinds and columns that they ask for.
//
// It never talks to a network and never changes a frame.
package recent
