// Package v1 holds the JSON documents of the native API, which api/server
// writes and api/client reads, and those DC/OS documents that daytwo's own
// commands read.
//
// It holds shapes only: no route, no request and no arithmetic.
package v1
