package audit

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
	"time"
)

// Checkpoint is the number and the hash of a line, for keeping outside of the log.
type Checkpoint struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

// Sent is a checkpoint of a relay's log, as it is kept elsewhere.
type Sent struct {
	Relay string    `json:"relay,omitempty"` // id of the relay
	Time  time.Time `json:"time"`
	Checkpoint
}

// CheckpointMessage is the message with which a relay writes checkpoints to its own log. Number,
// hash and relay_id are attributes of it.
const CheckpointMessage = "audit checkpoint"

// checkpointLine matches such a line as package slog writes it, as text or JSON, with
// anything before it.
var checkpointLine = regexp.MustCompile(`"?msg"?[=:]"` + CheckpointMessage + `"[, ]"?number"?[=:](\d{1,19})[, ]` +
	`"?hash"?[=:]"?([0-9a-f]{64})"?(?:[, ]"?relay_id"?[=:]"?([0-9a-zA-Z_-]+))?`)

// maxLogLine bounds a line of a relay's log, bytes.
const maxLogLine = 1 << 20

// ReadCheckpoints returns the checkpoints of a relay's audit log that its own log has, as the
// relay has written it or as the journal shows it. Those of other relays are left out, unless
// relay is "".
func ReadCheckpoints(r io.Reader, relay string) (list []Checkpoint, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLogLine)
	for lines.Scan() {
		m := checkpointLine.FindSubmatch(lines.Bytes())
		if m == nil || relay != "" && len(m[3]) > 0 && string(m[3]) != relay {
			continue
		}
		seq, err := strconv.ParseUint(string(m[1]), 10, 64)
		if err == nil && seq > 0 {
			list = append(list, Checkpoint{seq, string(m[2])})
		}
	}
	return list, lines.Err()
}
