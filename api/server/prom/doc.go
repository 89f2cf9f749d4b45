// Package prom writes agents' newest ticks in Prometheus' formats, by the names
// that cAdvisor and node_exporter gave them, and says which columns a name stands
// for. docs/statsd-in-prometheus.md says how it names what tasks send.
//
// It keeps no tick and checks no token.
package prom
