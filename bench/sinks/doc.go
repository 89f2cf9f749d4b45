// Package sinks tests the sinks of logs with real receivers, and with real relays: OpenSearch,
// Kafka, Redis, rsyslog, VictoriaLogs, OpenTelemetry's receivers, the FluentServer of npm. Those
// that are heavy to start are started once, for all that is tested of them.
package sinks
