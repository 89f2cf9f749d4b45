// Package logs serves the native routes of log entries, /api/v1/logs and below, over a
// query.Logs: as text, JSON lines, server-sent events, or in the journal export format.
//
// It reads no journal, and decides nothing about who may read: its caller gives the scope
// of each request.
package logs
