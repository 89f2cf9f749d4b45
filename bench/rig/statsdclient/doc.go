// Statsdclient sends one of each thing that Datadog's own Go client can send,
// or floods, from wherever it is run. It is built into containers by tests.
package main
