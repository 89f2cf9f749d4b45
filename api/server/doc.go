// Package server implements the HTTP routes of a relay and of a collector: the native API
// (with the documents of api/v1), and, in its packages dcos and prom, DC/OS' documents and
// Prometheus' exposition. Package web holds the HTTP mechanics.
//
// It reads a fleet only through query.Fleet and query.History.
package server
