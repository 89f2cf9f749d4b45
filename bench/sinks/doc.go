// Package sinks tests the sinks of logs with real receivers that are heavy to start:
// OpenSearch, Kafka, and the FluentServer of npm. Each is started once, by the one test that
// delivers to it.
package sinks
