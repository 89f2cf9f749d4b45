// Package v1 holds the JSON documents of the native API, which api/server encodes and
// api/client decodes, and the DC/OS documents that daytwo's own commands read.
//
// It holds only types: no routes, no requests and no arithmetic.
package v1
