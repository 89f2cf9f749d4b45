// Package history is a relay's fleet and history for tests, filled tick by
// tick. They are the relay's own, kept in memory, without NATS.
package history
