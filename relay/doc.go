// Package relay takes the frames of a cluster in, keeps them, and answers for
// the fleet. It wires its rooms (ingest, recent, fleet) together; they do not
// know one another.
//
// It reads no kernel file, needs no root, and publishes no frame.
package relay
