package logs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
)

// lateLogs writes lines to a journal and to the log files of containers, each up to three
// seconds later than its time says.
type lateLogs struct {
	*rand.Rand
	t    *testing.T
	dir  string
	now  int64
	last int64 // of the journal
	n    int
	logs []*os.File
}

func newLateLogs(t *testing.T, known *Identities, seed uint64, containers int) *lateLogs {
	l := &lateLogs{Rand: rand.New(rand.NewPCG(seed, 2)), t: t, dir: t.TempDir(), now: time.Now().UnixMicro() - 4e6}
	logs := t.TempDir()
	for i := range containers {
		id := fmt.Sprintf("%064x", i+1)
		of := identity(id, fmt.Sprint("c", i))
		of.LogPath = filepath.Join(logs, id+"-json.log")
		f, err := os.Create(of.LogPath)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		l.logs = append(l.logs, f)
		known.Came("/docker/"+id, of)
	}
	return l
}

func (l *lateLogs) put() {
	l.t.Helper()
	l.now += 1e4 + l.Int64N(5e4)
	at := l.now - l.Int64N(3e6)
	l.n++
	if l.IntN(4) == 0 {
		at = max(at, l.last+1) // journald's clock never goes back
		l.last = at
		writeJournal(l.t, filepath.Join(l.dir, "remote-a.journal"), []line{{realtime: at, monotonic: at, boot: boot1,
			fields: []string{fmt.Sprint("MESSAGE=line ", l.n)}}})
		return
	}
	_, err := fmt.Fprintf(l.logs[l.IntN(len(l.logs))], `{"log":"line %d\n","stream":"stdout","time":"%s"}`+"\n", l.n,
		time.UnixMicro(at).UTC().Format(time.RFC3339Nano))
	if err != nil {
		l.t.Fatal(err)
	}
}

// Whoever goes on at the cursor of any entry has what an uninterrupted reader had after
// it, although lines were written that are older than others that were read.
func TestGoOnAmongLateLines(t *testing.T) {
	for name, q := range map[string]query.LogQuery{
		"from the first": {Follow: true},
		"the last three": {Follow: true, Tail: true, Limit: 3},
		"what comes":     {Follow: true, Tail: true},
		"since":          {Follow: true, Since: 1},
	} {
		t.Run(name, func(t *testing.T) {
			known := NewIdentities(parsePath)
			l := newLateLogs(t, known, 4, 6)
			if q.Since > 0 {
				q.Since = l.now - 3e6
			}
			for range 20 {
				l.put()
			}
			n := node(t, known, l.dir)
			r, err := n.Entries(t.Context(), &q)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var got, cursors []string
			late, last := 0, int64(0)
			next := func() {
				for {
					rec, err := r.Next(t.Context())
					if err != nil || rec.Event != nil {
						t.Fatal(rec.Event, err)
					}
					if e := rec.Entry; e != nil {
						if e.Realtime < last {
							late++
						}
						last = e.Realtime
						m, _ := e.Get("MESSAGE")
						got, cursors = append(got, string(m)), append(cursors, strings.Clone(e.Cursor))
						return
					}
				}
			}
			for range map[bool]int{true: int(q.Limit), false: 20}[q.Tail] {
				next()
			}
			if q.Tail && q.Limit == 0 {
				go func() { time.Sleep(100 * time.Millisecond); l.put() }() // the tail is sought by then
				next()
			}
			for range 40 {
				some := 1 + l.IntN(3)
				for range some {
					l.put()
				}
				for range some {
					next()
				}
			}
			if late < 10 {
				t.Fatalf("only %d lines were late", late)
			}
			longest := 0
			for i, c := range cursors {
				longest = max(longest, len(c))
				after := get(t, n, &query.LogQuery{Cursor: c}, "MESSAGE")
				slices.Sort(after)
				if want := slices.Sorted(slices.Values(got[i+1:])); !slices.Equal(after, want) {
					t.Fatalf("after %s (%s):\ngot  %q\nwant %q", got[i], c, after, want)
				}
			}
			t.Logf("%d lines, %d late, cursors of up to %d bytes", len(got), late, longest)
			if ids := idsOf(cursors); len(ids) != len(got) {
				t.Errorf("%d ids of %d entries", len(ids), len(got))
			}
			// In other queries, the entries have the same ids.
			all, _, err := read(t, n, &query.LogQuery{})
			if err != nil {
				t.Fatal(err)
			}
			var plain []string
			for _, e := range all {
				plain = append(plain, e.Cursor)
			}
			have := idsOf(plain)
			for id := range idsOf(cursors) {
				if !have[id] {
					t.Errorf("an entry has the id %s in one query alone", id)
				}
			}
		})
	}
}

func idsOf(cursors []string) map[string]bool {
	ids := map[string]bool{}
	for _, c := range cursors {
		ids[entry.CursorID(c)] = true
	}
	return ids
}

// Of more sources than a cursor has room for, it goes on at the others by time.
func TestGoOnAmongManySources(t *testing.T) {
	known := NewIdentities(parsePath)
	l := newLateLogs(t, known, 1, 2*maxPlaces)
	for i, f := range l.logs {
		at := time.UnixMicro(l.now + int64(i)).UTC().Format(time.RFC3339Nano)
		if _, err := fmt.Fprintf(f, `{"log":"line %d\n","stream":"stdout","time":"%s"}`+"\n", i, at); err != nil {
			t.Fatal(err)
		}
	}
	n := node(t, known, l.dir)
	all, _, err := read(t, n, &query.LogQuery{})
	if err != nil || len(all) != len(l.logs) {
		t.Fatalf("%d lines, error %v", len(all), err)
	}
	for i, e := range all {
		if len(e.Cursor) > 8<<10 {
			t.Errorf("a cursor of %d bytes", len(e.Cursor))
		}
		if i%8 > 0 {
			continue
		}
		after := get(t, n, &query.LogQuery{Cursor: e.Cursor}, "MESSAGE")
		if len(after) != len(all)-1-i {
			t.Errorf("%d lines after number %d of %d", len(after), i, len(all))
		}
	}
}

// What somebody made up is refused, and no harm.
func FuzzMergedCursor(f *testing.F) {
	f.Add("file;i=1;o=2;t=3;c=abc;p=;e=5;w=6;o=1:file!i=1!o=2!t=3,2")
	f.Add("s=00000000000000000000000000000001;i=1;b=00000000000000000000000000000001;m=1;t=1;x=1;p=AA;w=")
	f.Fuzz(func(_ *testing.T, text string) {
		c, err := cutCursor(text)
		if err == nil && len(c.others) > maxLogFiles+1 {
			panic("too many places")
		}
	})
}
