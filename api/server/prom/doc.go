// Package prom writes agents' newest ticks in Prometheus' formats, with the names of
// cAdvisor and node_exporter, and finds the columns that a Prometheus name refers to.
// docs/statsd-in-prometheus.md specifies the names of StatsD series.
//
// It stores no tick and checks no token.
package prom
