// Package web holds the HTTP mechanics that daytwo's servers share: a server
// with limits, routes whose handlers return errors, JSON answers, compression.
//
// It knows no route and no document.
package web
