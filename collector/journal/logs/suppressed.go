package logs

import (
	"strconv"

	"github.com/daytwo/daytwo/api/entry"
)

// suppressed returns how many entries journald suppressed of what the query selects, by
// the entry that it is on, and whose they were.
func (w *walk) suppressed() (n uint64, whose string) {
	text, _ := value(w.fields, "N_DROPPED")
	n, err := strconv.ParseUint(string(text), 10, 63)
	// Only journald itself writes entries with this transport.
	if transport, _ := value(w.fields, "_TRANSPORT"); err != nil || string(transport) != "driver" {
		return 0, ""
	}
	unit, _ := value(w.fields, "OBJECT_SYSTEMD_UNIT")
	cgroup, _ := value(w.fields, "OBJECT_SYSTEMD_CGROUP")
	i := &w.origins.host
	if found := w.o.node.o.Identities.ofCgroup(string(cgroup)); found != nil {
		i = w.origins.ofAgent(found)
	}
	for k, names := range w.p.names {
		switch {
		case names == nil:
		case kind(k) == units && !names[string(unit)], kind(k) != units && !i.has(kind(k), names):
			return 0, ""
		}
	}
	if !w.p.scope.allows(i) {
		return 0, ""
	}
	if whose = string(unit); whose == "" {
		whose = string(cgroup)
	}
	return n, whose
}

// withStream adds the stream of a line to an entry of the journald drivers of Docker and
// Podman, which say it by the priority alone.
func withStream(fields []entry.Field) []entry.Field {
	if _, ok := value(fields, "STREAM"); ok {
		return fields
	}
	if _, ok := value(fields, "CONTAINER_ID_FULL"); !ok {
		return fields
	}
	switch p, _ := value(fields, "PRIORITY"); string(p) {
	case driverPriority["STDOUT"]:
		return append(fields, entry.Field{Name: "STREAM", Value: stdout})
	case driverPriority["STDERR"]:
		return append(fields, entry.Field{Name: "STREAM", Value: stderr})
	}
	return fields
}

var stdout, stderr = []byte("STDOUT"), []byte("STDERR")
