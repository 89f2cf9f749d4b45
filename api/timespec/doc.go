// Package timespec reads times and time spans as journalctl --since does
// (systemd.time(7)): "2026-01-02 03:04:05", "today", "-1h30min", "20min ago",
// "@1767323045".
//
// It knows no calendar events (systemd.timer units), and prints nothing.
package timespec
