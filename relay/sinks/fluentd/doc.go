// Package fluentd delivers logs to Fluentd or Fluent Bit by the Forward protocol, version 1:
// compressed chunks that the receiver acknowledges, over TCP or TLS, with a shared key and
// a user if the receiver wants them.
//
// It resends no chunk by itself: what was not acknowledged is reported as such.
package fluentd
