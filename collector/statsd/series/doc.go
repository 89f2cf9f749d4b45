// Package series keeps what StatsD lines add up to: counters, gauges, sets and
// histograms by container, name and tags, and the ledger that says what became
// of every line. It keeps no single sample, and it never gives up one in silence:
// what exceeds a container's budget goes into one overflow series.
package series
