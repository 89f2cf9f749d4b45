// Package kafka delivers logs to a topic of Kafka, as JSON, keyed by container, so that the
// order of a container's lines holds. Producing is idempotent and waits for all replicas.
//
// It creates no topic.
package kafka
