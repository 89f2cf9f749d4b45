// Package statsd is the StatsD server of a node. It receives packets (package intake),
// finds which container sent each (origin), parses them in place (line) and aggregates
// them (series). At each tick of the collector it returns the result as tables. It sends
// nothing over the network.
package statsd
