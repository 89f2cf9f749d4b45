// Package publish sends the frames of this node to NATS: encoded, in order,
// each acknowledged by the stream. What cannot be sent now waits in a bounded
// spool on disk and goes out in order later; what is lost is counted. Only what
// was in flight when the stream failed may come twice, and behind its followers.
//
// It never blocks a tick, and never lets memory or disk grow past its bounds.
package publish
