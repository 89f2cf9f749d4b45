package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// dockerLog writes the log of a container as Docker's json-file driver does.
func dockerLog(t *testing.T, path string, from, to int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := from; i < to; i++ {
		at := time.UnixMicro(longAgo + int64(i)*1e6).UTC().Format(time.RFC3339Nano)
		stream := []string{"stdout", "stderr"}[i%2]
		if _, err := fmt.Fprintf(f, `{"log":"line %d\n","stream":"%s","time":"%s"}`+"\n", i, stream, at); err != nil {
			t.Fatal(err)
		}
	}
}

// The log file of a container is answered by the same queries as the journal, whether or
// not there is one, and says whose it is.
func TestContainerLogFile(t *testing.T) {
	id := strings.Repeat("ef", 32)
	path := filepath.Join(t.TempDir(), id+"-json.log")
	dockerLog(t, path, 0, 100)
	known := NewIdentities(parsePath)
	i := identity(id, "web", "task_name=web", "task_id=web.1")
	i.LogPath = path
	known.Came("/docker/"+id, i)
	journal := t.TempDir()
	numbered(t, journal, 3, nil)
	for _, dir := range []string{filepath.Join(journal, "none"), journal} {
		n := node(t, known, dir)
		for _, c := range []struct {
			q        query.LogQuery
			messages string
		}{
			{query.LogQuery{Tail: true, Limit: 3}, "line 97,line 98,line 99"},
			{query.LogQuery{Limit: 2}, "line 0,line 1"},
			{query.LogQuery{Reverse: true, Limit: 2}, "line 99,line 98"},
			{query.LogQuery{Grep: "line 5$"}, "line 5"},
			{query.LogQuery{Matches: []string{"STREAM=STDERR"}, Tail: true, Limit: 2}, "line 97,line 99"},
			{query.LogQuery{Priority: &query.PriorityRange{Max: 3}, Limit: 1}, "line 1"},
			{query.LogQuery{Since: longAgo + 98e6}, "line 98,line 99"},
			{query.LogQuery{Since: longAgo + 10e6, Until: longAgo + 11e6}, "line 10,line 11"},
			{query.LogQuery{Until: longAgo + 11e6, Tail: true, Limit: 2}, "line 10,line 11"},
			{query.LogQuery{Tail: true, Limit: 5, Skip: -2}, "line 93,line 94,line 95,line 96,line 97"},
			{query.LogQuery{Tail: true, Limit: 5, Skip: 3}, "line 98,line 99"},
		} {
			c.q.Tasks = []string{"web"}
			if got := strings.Join(get(t, n, &c.q, "MESSAGE"), ","); got != c.messages {
				t.Errorf("%+v: got %s", c.q, got)
			}
		}
		q := query.LogQuery{Containers: []string{id[:6]}, Skip: 40, Limit: 1}
		entries, _, err := read(t, n, &q)
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		if o := entries[0].Origin; o.Tag("container_id") != id || o.Tag("task_id") != "web.1" || o.Tag("agent_id") != agent {
			t.Errorf("origin %v", o)
		}
		q = query.LogQuery{Containers: []string{id}, Cursor: entries[0].Cursor, Limit: 1}
		want(t, "after line 40", get(t, n, &q, "MESSAGE"), "line 41")
		q.Reverse = true
		want(t, "before line 40", get(t, n, &q, "MESSAGE"), "line 39")
		if !strings.HasSuffix(entries[0].Cursor, ";c="+id) {
			t.Errorf("cursor %s", entries[0].Cursor)
		}
		q = query.LogQuery{Containers: []string{id}, Cursor: "file;bad"}
		if _, err := n.Entries(t.Context(), &q); !errors.Is(err, query.ErrBadCursor) {
			t.Errorf("a bad cursor: %v", err)
		}
	}
}

// A log file is followed until its container has ended.
func TestFollowLogFile(t *testing.T) {
	id := strings.Repeat("ef", 32)
	path := filepath.Join(t.TempDir(), id+"-json.log")
	dockerLog(t, path, 0, 10)
	known := NewIdentities(parsePath)
	i := identity(id, "web")
	i.LogPath = path
	known.Came("/docker/"+id, i)
	n := node(t, known, t.TempDir())
	r, err := n.Entries(t.Context(), &query.LogQuery{Tasks: []string{"web"}, Follow: true, Tail: true, Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for i := 8; i < 30; i++ {
		if i == 10 {
			dockerLog(t, path, 10, 30)
		}
		rec, err := r.Next(ctx)
		if err != nil || rec.Entry == nil {
			t.Fatalf("line %d: %+v, %v", i, rec, err)
		}
		if m, _ := rec.Entry.Get("MESSAGE"); string(m) != fmt.Sprint("line ", i) {
			t.Errorf("got %s, want line %d", m, i)
		}
	}
	known.Went("/docker/" + id)
	rec, err := r.Next(ctx)
	if err != nil || rec.Event == nil || rec.Event.Kind != entry.Ended {
		t.Errorf("got %+v, %v", rec, err)
	}
}
