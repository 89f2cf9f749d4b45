package logdriver

import "github.com/daytwo/daytwo/api/entry"

// Names of fields. Source: github.com/moby/moby/daemon/logger/journald, conmon's
// src/ctr_logging.c, systemd.journal-fields(7).
const (
	fieldMessage  = "MESSAGE"
	fieldPriority = "PRIORITY"
	fieldStream   = "STREAM" // of DC/OS and log-pipe: STDOUT or STDERR

	fieldIDFull = "CONTAINER_ID_FULL"
	fieldID     = "CONTAINER_ID" // of Docker and Podman: 12 digits of it; of DC/OS: all
	fieldImage  = "IMAGE_NAME"   // of Docker alone

	fieldPieceID = "CONTAINER_PARTIAL_ID"      // of a line: Docker 23 and later, log-pipe
	fieldOrdinal = "CONTAINER_PARTIAL_ORDINAL" // of a piece, from 1 on
	fieldLast    = "CONTAINER_PARTIAL_LAST"    // true or false

	fieldBreak = "LINE_BREAK" // of log-pipe: idle for a piece that it has waited after already

	fieldPID = "_PID" // of the writer: journald adds it

	// FieldPartial is true for each piece but the last; of some versions for that, too.
	FieldPartial = "CONTAINER_PARTIAL_MESSAGE"
)

// IsMark reports whether a field says that an entry is a piece.
func IsMark(name string) bool {
	switch name {
	case FieldPartial, fieldPieceID, fieldOrdinal, fieldLast:
		return true
	}
	return false
}

// IsHidden reports whether no entry of a line has a field, though pieces have it.
func IsHidden(name string) bool { return IsMark(name) && name != FieldPartial }

// isMark is for slices.DeleteFunc.
func isMark(f entry.Field) bool { return IsMark(f.Name) }
