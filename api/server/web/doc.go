// Package web holds the HTTP mechanics that daytwo's servers share: a server
// with limits, routes whose handlers return errors, JSON answers, compression.
//
// It contains no routes and no documents.
package web
