// Package server is the HTTP side of a relay and of a collector: DC/OS routes,
// the native API, Prometheus exposition. It reads through the small interface
// Fleet, which a relay (the whole fleet) and a collector (its own node)
// satisfy, and never knows which of them it serves.
package server
