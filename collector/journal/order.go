package journal

import (
	"bytes"
	"cmp"
)

// compareEntries orders the entries of two files as sd-journal does: by
// sequence number if one journald wrote both, else by the clock of the boot if
// both are of one, else by the wall clock. 0 is the same entry in two files.
func compareEntries(a, b *entry) int {
	if a.seqnumID == b.seqnumID {
		if a.seqnum != b.seqnum {
			return cmp.Compare(a.seqnum, b.seqnum)
		}
	}
	if a.boot == b.boot && a.monotonic != b.monotonic {
		return cmp.Compare(a.monotonic, b.monotonic)
	}
	if a.realtime != b.realtime {
		return cmp.Compare(a.realtime, b.realtime)
	}
	if a.xorHash != b.xorHash {
		return cmp.Compare(a.xorHash, b.xorHash)
	}
	if c := bytes.Compare(a.boot[:], b.boot[:]); c != 0 {
		return c
	}
	return bytes.Compare(a.seqnumID[:], b.seqnumID[:])
}

// compareIn orders the next entries of two files in a direction: the smaller
// one comes first.
func compareIn(back bool, a, b *fileCursor) int {
	n := compareEntries(&a.e, &b.e)
	if back {
		return -n
	}
	return n
}
