// Package logstream sends records of logs to HTTP clients: it sends what comes together in
// one piece, cuts off clients that read too slowly, and counts.
//
// It knows no routes and no formats.
package logstream
