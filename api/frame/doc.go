// Package frame represents one tick of one agent: in memory as tables (Batch), and on the
// wire as frames, which it encodes and decodes. A frame has columns of integers, as
// zigzag-varint deltas against the last keyframe, and is compressed. FORMAT.md specifies
// every byte.
//
// It never interprets a value, and never uses the network.
package frame
