// Package gateway implements query.Logs over a fleet: it finds the nodes that have what a
// query selects, asks them, and merges what they answer in the order of time, with one
// cursor for all of them. A node that goes away and comes back is an event, never a gap.
//
// It keeps no log entry, and knows neither HTTP nor NATS.
package gateway
