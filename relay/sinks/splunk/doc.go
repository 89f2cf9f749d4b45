// Package splunk delivers logs to Splunk's HTTP Event Collector, as events or raw, with or
// without indexer acknowledgement.
//
// It sends no event that the collector refused a second time unchanged.
package splunk
