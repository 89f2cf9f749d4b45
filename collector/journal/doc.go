// Package journal reads systemd's journal: the files that journald and
// systemd-journal-remote write, mapped into memory, in every version of the
// format (https://systemd.io/JOURNAL_FILE_FORMAT).
//
// It never writes to a journal, never asks journald for anything, and never
// trusts a file: a corrupt or shrinking one is an error of its own, and all
// others are still served. Where a filesystem may stop to respond, pages are read
// by system calls that are given up after a while: see guard.
//
// # Order
//
// Entries come as in sd-journal: by sequence number among files with one id of
// sequence numbers, else by time. An entry is returned once all files are known that
// there were when it was written, so that none comes late, and a cursor divides what was
// read from what comes.
//
// # What is missing
//
// A reader is told of a file that cannot be read, and of entries in it that cannot (a
// *FileError); of a file that was removed before it was read to its end (a *LostError);
// and of entries that are in no file at all (a *GapError), as far as that can be known.
//
// journald counts the entries that it writes, in one sequence for the files of the system
// and of all users. A number that no file has may be no gap: it may be of a user
// whose files are not there; of one of the oldest files, which journald removed to keep
// within its limits; of an entry that did not fit into a file, and was written to the next
// one under another number; or numbers leaped when the machine booted, or when a user
// wrote first after that. So numbers are missing for sure only between a file and
// the next one of the same user, within one boot, if each number is there among as many
// before and after that place, and all files of the directory can be read. What one file
// had is then told once, to each reader that comes past, in either direction, with or
// without a match. Which entries of a range are missing matters to no match: the error
// counts all.
package journal
