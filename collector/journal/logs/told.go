package logs

import (
	"fmt"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

// told is what an entry tells of others that are missing, or of journald: an event.
type told struct {
	kind    entry.Kind
	source  string // unit, cgroup or identifier that it is about
	count   uint64
	message string
}

// mayTell reports whether the message of an entry may be of one that tells something.
func mayTell(message []byte) bool {
	for _, prefix := range [...]string{"Suppressed ", "Journal started", entry.PipePrefix} {
		if len(message) >= len(prefix) && string(message[:len(prefix)]) == prefix {
			return true
		}
	}
	return false
}

// telling are the ids of messages that tell something: they are looked at in each query.
var telling = [...]string{messageDropped, messageStarted, entry.PipeReport}

// tell adds what the entry that it is on says about what the query selects to told.
func (w *walk) tell(id []byte) {
	switch string(id) {
	case messageDropped:
		if n, whose := w.suppressed(); n > 0 {
			w.told = append(w.told, told{entry.Suppressed, whose, n,
				fmt.Sprintf("the rate limit of journald suppressed %d entries of %s", n, whose)})
		}
	case messageStarted:
		if c := w.r.Cursor(); w.o.node.starts.of(&c, w.died) {
			w.told = append(w.told, told{entry.JournaldDied, "", 0,
				"journald had been killed, or had crashed: what it had taken and not yet written is missing"})
		}
	case entry.PipeReport:
		if w.origins.isPipe(w.fields, w.of, w.byFields) && w.concerns() {
			w.report()
		}
	}
}

// concerns reports whether the entry's own unit and container are selected, whatever the
// other conditions are.
func (w *walk) concerns() bool {
	unit, _ := value(w.fields, "_SYSTEMD_UNIT")
	for k, names := range w.p.names {
		if names != nil && (kind(k) == units && !names[string(unit)] || kind(k) != units && !w.of.has(kind(k), names)) {
			return false
		}
	}
	return w.p.scope.allows(w.of)
}

// report adds what a log pipe's report says to told.
func (w *walk) report() {
	number := func(field string) (uint64, bool) {
		text, ok := value(w.fields, field)
		n, err := strconv.ParseUint(string(text), 10, 63)
		return n, ok && err == nil
	}
	whose := "this log"
	if id, _ := value(w.fields, "SYSLOG_IDENTIFIER"); len(id) > 0 {
		whose = string(id)
	}
	add := func(kind entry.Kind, n uint64, format string, args ...any) {
		w.told = append(w.told, told{kind, whose, n, fmt.Sprintf(format, args...)})
	}
	if _, ok := number(entry.PipeRestarted); ok {
		add(entry.Dropped, 0, "the process that writes the log of %s was killed, and what it had read is missing", whose)
	}
	if usec, ok := number(entry.PipeAway); ok {
		message := fmt.Sprintf("journald was away for %v, and the lines of %s waited",
			(time.Duration(usec) * time.Microsecond).Round(time.Millisecond), whose)
		if n, _ := number(entry.PipeResent); n > 0 {
			message += fmt.Sprintf(": %d of them may be there twice", n)
		}
		add(entry.JournaldAway, 0, "%s", message)
	}
	if n, ok := number(entry.PipeLost); ok && n > 0 {
		add(entry.Dropped, n, "%d lines of %s are missing: journald did not take them in time", n, whose)
	}
	if n, ok := number(entry.PipeSuppressed); ok && n > 0 && w.p.ofContainers() {
		add(entry.Suppressed, n, "the rate limit of journald suppressed %d lines of %s", n, whose)
	}
}

// ofContainers reports whether a query selects containers, or may see some only. What
// journald itself says of the rate limit of a log pipe's unit is not about any.
func (p *plan) ofContainers() bool {
	for k := range units {
		if p.names[k] != nil {
			return true
		}
	}
	return p.scoped
}
