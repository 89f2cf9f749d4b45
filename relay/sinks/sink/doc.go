// Package sink holds what all sinks of logs have in common: the record that they deliver,
// the interface that they implement, the result of a delivery, how a record becomes JSON,
// and the settings that several of them share (TLS, secrets in files, sizes).
//
// It opens no connection, and knows no protocol.
package sink
