// Package journal reads systemd's journal: the files that journald and
// systemd-journal-remote write, mapped into memory, in every version of the
// format (https://systemd.io/JOURNAL_FILE_FORMAT).
//
// It never writes to a journal, never asks journald for anything, and never
// trusts a file: a corrupt or shrinking one is an error of its own, and all
// others are still served.
package journal
