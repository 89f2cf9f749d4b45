// Package relay receives the frames of a cluster, stores them, and answers queries
// about the fleet. It connects its parts (ingest, recent, fleet), which do not import
// one another.
//
// It reads no kernel file, does not need root, and publishes no frame.
package relay
