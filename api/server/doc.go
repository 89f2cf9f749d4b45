// Package server answers the routes of a relay, and those of a collector alone:
// the native API (the documents of api/v1), and through its packages dcos and
// prom DC/OS' documents and Prometheus' exposition. Package web holds the HTTP
// mechanics.
//
// It reads through query.Fleet and query.History, and never knows who implements
// them.
package server
