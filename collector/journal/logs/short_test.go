package logs

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// shortID is the id of a container that ended before anybody looked.
var shortID = strings.Repeat("5e", 32)

// driverLines writes three entries of a container's journald driver, as of now.
func driverLines(t *testing.T, dir string) {
	t.Helper()
	var lines []line
	for i := range 3 {
		lines = append(lines, line{realtime: time.Now().UnixMicro() + int64(i), monotonic: int64(i + 1), boot: boot1,
			fields: []string{fmt.Sprint("MESSAGE=line ", i), "CONTAINER_ID_FULL=" + shortID, "CONTAINER_ID=" + shortID[:12],
				"CONTAINER_NAME=web", "_UID=0", "_SYSTEMD_CGROUP=/docker.service"}})
	}
	writeJournal(t, filepath.Join(dir, "a.journal"), lines)
}

// now reads what there is, and returns the last cursor.
func now(t *testing.T, n *Node, q query.LogQuery) (lines []string, cursor string) {
	t.Helper()
	q.Limit = 3
	lines, cursor, _ = toEnd(t, n, q)
	return lines, cursor
}

// A relay finds out by Sources which node has a container that ended before anybody looked.
func TestSourcesOfEnded(t *testing.T) {
	asked := 0
	n := New(Options{Agent: agent, Dirs: []string{t.TempDir()}, Identities: NewIdentities(parsePath), Log: discard,
		Ended: func(context.Context) []*Identity {
			asked++
			return []*Identity{identity(shortID, "web")}
		}})
	t.Cleanup(n.Close)
	for range 3 {
		got, err := n.Sources(t.Context(), &query.LogQuery{Tasks: []string{"web"}})
		if err != nil || len(got) != 1 || got[0].Name != "web" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	got, err := n.Sources(t.Context(), &query.LogQuery{Tasks: []string{"none"}})
	if err != nil || len(got) != 0 || asked != 1 {
		t.Errorf("%+v, %v, asked %d times", got, err, asked)
	}
}

// One of which no log is to be had says so.
func TestFollowShortWithoutLog(t *testing.T) {
	known := NewIdentities(parsePath)
	n := New(Options{Agent: agent, Dirs: []string{t.TempDir()}, Identities: known, Log: discard,
		Ended: func(context.Context) []*Identity { return nil }})
	t.Cleanup(n.Close)
	known.Came("/docker/"+shortID, identity(shortID, "web"))
	r, err := n.Entries(t.Context(), &query.LogQuery{Tasks: []string{"web"}, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	known.Went("/docker/" + shortID)
	var kinds []entry.Kind
	for {
		rec, err := r.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.Event != nil {
			kinds = append(kinds, rec.Event.Kind)
		}
	}
	if !slices.Equal(kinds, []entry.Kind{entry.Waiting, entry.Unreadable, entry.Ended}) {
		t.Errorf("%q", kinds)
	}
}

// toEnd reads to the end, without a limit of what follows.
func toEnd(t *testing.T, n *Node, q query.LogQuery) (lines []string, cursor string, ended bool) {
	t.Helper()
	q.Follow = q.Limit == 0 || q.Tail
	r, err := n.Entries(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for {
		rec, err := r.Next(ctx)
		switch {
		case err == io.EOF || ctx.Err() != nil:
			return lines, cursor, ended
		case err != nil:
			t.Fatal(err)
		case rec.Event != nil:
			ended = ended || rec.Event.Kind == entry.Ended
		case rec.Entry != nil:
			m, _ := rec.Entry.Get("MESSAGE")
			lines, cursor = append(lines, string(m)), strings.Clone(rec.Entry.Cursor)
		}
	}
}

// L-A11: who follows after the cursor of a container's last entry gets none again when the
// container becomes known.
func TestFollowShortAfterCursor(t *testing.T) {
	dir := t.TempDir()
	driverLines(t, dir)
	known := NewIdentities(parsePath)
	n := node(t, known, dir)
	first, cursor := now(t, n, query.LogQuery{Tasks: []string{"web"}})
	if !slices.Equal(first, []string{"line 0", "line 1", "line 2"}) {
		t.Fatalf("%q", first)
	}
	came := time.AfterFunc(300*time.Millisecond, func() { known.Came("/docker/"+shortID, identity(shortID, "web")) })
	defer came.Stop()
	if again, _, _ := toEnd(t, n, query.LogQuery{Tasks: []string{"web"}, Cursor: cursor}); len(again) > 0 {
		t.Errorf("again: %q", again)
	}
}

// Nor does who follows from the start get entries twice, or never, when it becomes known, by its
// cgroup at first, and then by its runtime.
func TestFollowShortKnownLate(t *testing.T) {
	dir := t.TempDir()
	driverLines(t, dir)
	known := NewIdentities(parsePath)
	n := node(t, known, dir)
	known.Came("/docker/"+shortID, fallback(shortID, ""))
	if lines, _ := now(t, n, query.LogQuery{Tasks: []string{"web"}}); len(lines) != 3 {
		t.Errorf("known by its cgroup: %q", lines)
	}
	known.Went("/docker/" + shortID)
	for i, by := range []*Identity{fallback(shortID, ""), identity(shortID, "web")} {
		came := time.AfterFunc(time.Duration(300+1500*i)*time.Millisecond, func() { known.Came("/docker/"+shortID, by) })
		defer came.Stop()
	}
	if lines, _, _ := toEnd(t, n, query.LogQuery{Tasks: []string{"web"}}); len(lines) != 3 {
		t.Errorf("%q", lines)
	}
}

// A container whose driver wrote to the journal, and that no tick has seen, has ended.
func TestFollowShortEnds(t *testing.T) {
	dir := t.TempDir()
	driverLines(t, dir)
	known := NewIdentities(parsePath)
	n := node(t, known, dir)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				known.Looked()
			}
		}
	}()
	for _, q := range []query.LogQuery{{Tasks: []string{"web"}}, {Containers: []string{shortID}}} {
		if lines, _, ended := toEnd(t, n, q); len(lines) != 3 || !ended {
			t.Errorf("%+v: %q, ended %v", q, lines, ended)
		}
	}
}

// The log file of a container that ended before its runtime was asked is read all the same.
func TestFollowShortFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), shortID+"-json.log")
	var text strings.Builder
	for i := range 3 {
		fmt.Fprintf(&text, `{"log":"line %d\n","stream":"stdout","time":%q}`+"\n", i, time.Now().Format(time.RFC3339Nano))
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	known := NewIdentities(parsePath)
	n := New(Options{Agent: agent, Dirs: []string{t.TempDir()}, Identities: known, Log: discard,
		Ended: func(context.Context) []*Identity {
			i := identity(shortID, "web")
			i.LogPath = path
			return []*Identity{i}
		}})
	t.Cleanup(n.Close)
	known.Came("/docker/"+shortID, identity(shortID, "web"))
	gone := time.AfterFunc(300*time.Millisecond, func() { known.Went("/docker/" + shortID) })
	defer gone.Stop()
	lines, _, ended := toEnd(t, n, query.LogQuery{Tasks: []string{"web"}, Tail: true, Limit: 10})
	if !slices.Equal(lines, []string{"line 0", "line 1", "line 2"}) || !ended {
		t.Errorf("%q, ended %v", lines, ended)
	}
}
