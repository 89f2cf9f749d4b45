// Package forward carries many TCP connections over one session: a client's to ports of a
// container. Each is a stream of its own with its own window, its end in one direction goes
// through alone, and so does its abort, which concerns no other one.
//
// It knows nothing of sessions but that they are a reliable stream of bytes in each direction,
// and neither listens nor decides who may connect.
package forward
