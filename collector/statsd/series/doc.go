// Package series aggregates StatsD lines into counters, gauges, sets and histograms by
// container, name and tags. A ledger counts what happened to every line. No single
// samples are stored, and none is dropped without being counted: lines that exceed a
// container's budget go into one overflow series.
package series
