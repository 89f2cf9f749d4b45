package logs

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
)

const remoteProgram = "/lib/systemd/systemd-journal-remote"

// agent is the id of the node in tests.
const agent = "n1"

var discard = slog.New(slog.DiscardHandler)

// line is an entry to be written: fields as NAME=value.
type line struct {
	realtime, monotonic int64 // microseconds
	boot                string
	fields              []string
}

var longAgo = time.Now().Add(-7 * 24 * time.Hour).UnixMicro()

const boot1, boot2 = "b0070000000000000000000000000001", "b0070000000000000000000000000002"

// writeJournal has systemd-journal-remote write entries to a file.
func writeJournal(t testing.TB, path string, lines []line) {
	t.Helper()
	if _, err := exec.LookPath(remoteProgram); err != nil {
		rig.Missing(t, remoteProgram, err.Error(), "apt-get install systemd-journal-remote")
	}
	cmd := exec.Command(remoteProgram, "--split-mode=none", "-o", path, "-")
	cmd.Stdin = export(lines)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// export writes entries in the journal export format.
func export(lines []line) *bytes.Buffer {
	var export bytes.Buffer
	for _, l := range lines {
		fmt.Fprintf(&export, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n",
			l.realtime, l.monotonic, l.boot)
		for _, f := range l.fields {
			name, value, _ := strings.Cut(f, "=")
			if !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
				export.WriteString(f + "\n")
				continue
			}
			export.WriteString(name + "\n")
			export.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(value))))
			export.WriteString(value + "\n")
		}
		export.WriteByte('\n')
	}
	return &export
}

// parsePath is what the collector's paths of cgroups are in these tests:
// /docker/<id>, and /box/<name> for containers whose name is their id.
func parsePath(path string) (id, name string) {
	switch parts := strings.Split(path, "/"); {
	case len(parts) == 3 && parts[1] == "docker":
		return parts[2], ""
	case len(parts) == 3 && parts[1] == "box":
		return parts[2], parts[2]
	}
	return "", ""
}

// node opens the logs of directories.
func node(t testing.TB, ids *Identities, dirs ...string) *Node {
	t.Helper()
	if ids == nil {
		ids = NewIdentities(parsePath)
	}
	n := New(Options{Agent: agent, Dirs: dirs, Identities: ids, Log: discard})
	t.Cleanup(n.Close)
	return n
}

// identity makes an identity of a container.
func identity(id, name string, tags ...string) *Identity {
	i := fallback(id, name)
	for _, tag := range tags {
		k, v, _ := strings.Cut(tag, "=")
		i.Origin.SetTag(k, v)
	}
	return i
}

// read reads a query to its end.
func read(t testing.TB, n query.Logs, q *query.LogQuery) (entries []*entry.Entry, events []entry.Event, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := n.Entries(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for {
		rec, err := r.Next(ctx)
		switch {
		case err == io.EOF:
			return entries, events, nil
		case err != nil:
			return entries, events, err
		case rec.Entry != nil:
			entries = append(entries, rec.Entry.Clone())
		case rec.Event != nil:
			events = append(events, *rec.Event)
		}
	}
}

// get returns the values of a field in the entries of a query that has to succeed without
// events.
func get(t testing.TB, n query.Logs, q *query.LogQuery, field string) (values []string) {
	t.Helper()
	entries, events, err := read(t, n, q)
	if err != nil || len(events) > 0 {
		t.Fatalf("%+v: error %v, events %v", q, err, events)
	}
	for _, e := range entries {
		v, _ := e.Get(field)
		values = append(values, string(v))
	}
	return values
}

func want(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// numbered writes one journal of n lines with NUMBER=0 and so on, a second apart.
func numbered(t testing.TB, dir string, n int, fields func(i int) []string) {
	t.Helper()
	var lines []line
	for i := range n {
		l := line{realtime: longAgo + int64(i)*1e6, monotonic: int64(i) * 1e6, boot: boot1,
			fields: []string{fmt.Sprint("NUMBER=", i)}}
		if fields != nil {
			l.fields = append(l.fields, fields(i)...)
		}
		if !slices.ContainsFunc(l.fields, func(f string) bool { return strings.HasPrefix(f, "MESSAGE=") }) {
			l.fields = append(l.fields, fmt.Sprint("MESSAGE=line ", i))
		}
		lines = append(lines, l)
	}
	writeJournal(t, filepath.Join(dir, "a.journal"), lines)
}
