// Package loki delivers logs to Loki, or what speaks its push API, with few labels; what
// has many values is structured metadata.
//
// It resends nothing that Loki refused as too old or too far behind.
package loki
