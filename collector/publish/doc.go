// Package publish sends the frames of this node to NATS: encoded, in order, each
// acknowledged by the stream. Frames that cannot be sent now wait in a bounded
// spool on disk and are sent in order later; lost frames are counted. Only frames
// that were in flight when the stream failed may arrive twice, and after later ones.
//
// It never blocks a tick, and keeps memory and disk within their bounds.
package publish
