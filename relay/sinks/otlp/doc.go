// Package otlp delivers logs by OpenTelemetry's protocol, over HTTP with protobuf or over
// gRPC.
//
// It sends no traces or metrics.
package otlp
