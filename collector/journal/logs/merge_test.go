package logs

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

// The journal and log files are one stream in the order of time, in both directions. Every
// cursor in it goes on exactly after its entry, or before it.
func TestMergeLogFiles(t *testing.T) {
	known := NewIdentities(parsePath)
	random := rand.New(rand.NewPCG(1, 2))
	logs := t.TempDir()
	var lines []line
	var expect []string // by number
	files := []string{"", strings.Repeat("aa", 32), strings.Repeat("bb", 32), strings.Repeat("cc", 32)}
	for _, id := range files[1:] {
		i := identity(id, "name-"+id[:2])
		i.LogPath = filepath.Join(logs, id+"-json.log")
		known.Came("/docker/"+id, i)
	}
	for i := range 300 {
		if id := files[random.IntN(len(files))]; id == "" {
			lines = append(lines, line{realtime: longAgo + int64(i)*1e6, monotonic: int64(i) * 1e6, boot: boot1,
				fields: []string{fmt.Sprint("MESSAGE=line ", i)}})
		} else {
			dockerLog(t, filepath.Join(logs, id+"-json.log"), i, i+1)
		}
		expect = append(expect, fmt.Sprint("line ", i))
	}
	dir := t.TempDir()
	writeJournal(t, filepath.Join(dir, "a.journal"), lines)
	n := node(t, known, dir)
	want(t, "all", get(t, n, &query.LogQuery{}, "MESSAGE"), expect...)
	want(t, "last", get(t, n, &query.LogQuery{Tail: true, Limit: 20}, "MESSAGE"), expect[280:]...)
	want(t, "skip", get(t, n, &query.LogQuery{Tail: true, Limit: 20, Skip: -30}, "MESSAGE")[:20], expect[250:270]...)
	follow, err := n.Entries(t.Context(), &query.LogQuery{Follow: true, Limit: 2}) // the first two, then what comes
	if err != nil {
		t.Fatal(err)
	}
	defer follow.Close()
	for i := range 2 {
		rec, err := follow.Next(t.Context())
		if err != nil || rec.Entry == nil || rec.Entry.Realtime != longAgo+int64(i)*1e6 {
			t.Fatalf("entry %d: %+v, %v", i, rec, err)
		}
	}
	dockerLog(t, filepath.Join(logs, files[1]+"-json.log"), 300, 301)
	expect = append(expect, "line 300")
	if rec, err := follow.Next(t.Context()); err != nil || rec.Entry == nil || rec.Entry.Realtime != longAgo+300e6 {
		t.Fatalf("the entry that came: %+v, %v", rec, err)
	}
	want(t, "skip on", get(t, n, &query.LogQuery{Skip: 100, Limit: 20}, "MESSAGE"), expect[100:120]...)
	back := slices.Clone(expect)
	slices.Reverse(back)
	want(t, "back", get(t, n, &query.LogQuery{Reverse: true}, "MESSAGE"), back...)
	if names, err := n.Values(t.Context(), &query.LogQuery{}, "CONTAINER_NAME", 10); err != nil ||
		!slices.Equal(names, []string{"name-aa", "name-bb", "name-cc"}) {
		t.Errorf("names %v, error %v", names, err)
	}
	for _, q := range []query.LogQuery{{}, {Containers: files[1:3]}, {Tasks: []string{"name-*"}}} {
		all, _, err := read(t, n, &q)
		if err != nil {
			t.Fatal(err)
		}
		for range 25 {
			i := random.IntN(len(all))
			q.Cursor, q.Limit, q.Reverse = all[i].Cursor, 3, false
			after, _, err := read(t, n, &q)
			if err != nil {
				t.Fatal(err)
			}
			for j, e := range after {
				if got, _ := e.Get("MESSAGE"); i+1+j >= len(all) || e.Realtime != all[i+1+j].Realtime {
					t.Errorf("%+v: entry %d after %d is %s", q, j, i, got)
				}
			}
			q.Reverse = true
			before, _, err := read(t, n, &q)
			if err != nil {
				t.Fatal(err)
			}
			for j, e := range before {
				if got, _ := e.Get("MESSAGE"); i-1-j < 0 || e.Realtime != all[i-1-j].Realtime {
					t.Errorf("%+v: entry %d before %d is %s", q, j, i, got)
				}
			}
		}
	}
}

// A merged follow shows what comes to any of its sources, and can be closed while it waits.
func TestFollowMerged(t *testing.T) {
	known := NewIdentities(parsePath)
	logs := t.TempDir()
	for _, id := range []string{"a", "b"} {
		i := identity(id, id)
		i.LogPath = filepath.Join(logs, id+"-json.log")
		dockerLog(t, i.LogPath, 0, 1)
		known.Came("/docker/"+id, i)
	}
	dir := t.TempDir()
	n := node(t, known, dir)
	r, err := n.Entries(t.Context(), &query.LogQuery{Follow: true, Tail: true})
	if err != nil {
		t.Fatal(err)
	}
	next := make(chan string)
	go func() {
		defer close(next)
		for {
			rec, err := r.Next(t.Context())
			switch {
			case err == io.EOF:
				return
			case err != nil:
				t.Error(err)
				return
			case rec.Entry != nil:
				m, _ := rec.Entry.Get("MESSAGE")
				next <- rec.Entry.Origin.Tag("container_id") + " " + string(m)
			}
		}
	}()
	expect := func(s string) {
		t.Helper()
		select {
		case got := <-next:
			if got != s {
				t.Errorf("got %s, want %s", got, s)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no %s", s)
		}
	}
	dockerLog(t, filepath.Join(logs, "a-json.log"), 5, 6)
	expect("a line 5")
	dockerLog(t, filepath.Join(logs, "b-json.log"), 6, 7)
	expect("b line 6")
	writeJournal(t, filepath.Join(dir, "a.journal"), []line{{realtime: time.Now().UnixMicro(), monotonic: 1, boot: boot1,
		fields: []string{"MESSAGE=line 7"}}})
	expect(" line 7")
	// A container that comes is followed, too, from its first line on.
	late := identity("late", "late")
	late.LogPath = filepath.Join(logs, "late-json.log")
	at := int((time.Now().UnixMicro() - longAgo) / 1e6)
	dockerLog(t, late.LogPath, at+1, at+2)
	known.Came("/docker/late", late)
	expect(fmt.Sprint("late line ", at+1))
	dockerLog(t, filepath.Join(logs, "a-json.log"), at+2, at+3)
	expect(fmt.Sprint("a line ", at+2))
	r.Close()
	if _, more := <-next; more {
		t.Error("an entry after Close")
	}
}
