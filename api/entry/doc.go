// Package entry holds log entries as collectors and relays exchange them: entries of the
// journal and lines of container log files, with the origin tags that the collector
// knows, and the events that say what is missing between them.
//
// It reads no journal and knows no transport.
package entry
