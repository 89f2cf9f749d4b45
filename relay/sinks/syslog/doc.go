// Package syslog delivers logs as messages of RFC 5424, over TCP, TLS (RFC 5425) or UDP
// (RFC 5426), counted by octets or separated by line feeds (RFC 6587).
//
// The protocol has no acknowledgements: over TCP a message counts as delivered once the
// receiver's kernel has it, over UDP once it is sent.
package syslog
