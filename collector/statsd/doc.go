// Package statsd is the StatsD server of a node: it receives packets (intake),
// tells whose they are (origin), parses them in place (line), adds them up
// (series), and hands all of it to the collector's tick as two tables. It never
// sends anything anywhere.
package statsd
