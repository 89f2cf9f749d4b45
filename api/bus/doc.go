// Package bus is the client side of NATS: the subjects, the stream of frames
// and the options of a connection, as collectors and relays share them.
//
// It never looks into a message, runs no server (bus/embedded does), and does no
// clustering of its own: JetStream does.
package bus
