// Package frame is one tick of one agent: as tables in memory (Batch), and as
// bytes on the wire (the codec). A frame is metric-major columns of integers,
// zigzag-varint deltas against the last keyframe, then compressed; FORMAT.md
// has it byte by byte.
//
// It never interprets a value and never talks to a network.
package frame
