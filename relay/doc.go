// Package relay receives the frames of a cluster, keeps them, and answers queries
// about the fleet. It connects its parts (ingest, recent, fleet), which do not import
// one another.
//
// It reads no kernel file, needs no root, and publishes no frame.
package relay
