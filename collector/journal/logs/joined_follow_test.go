package logs

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/journal/logdriver"
)

// writer writes entries to a journal file one by one.
type writer struct {
	t  *testing.T
	in io.WriteCloser
	n  int
}

func newWriter(t *testing.T, dir string) *writer {
	cmd := exec.Command(remoteProgram, "--split-mode=none", "-o", filepath.Join(dir, "live.journal"), "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	return &writer{t: t, in: in}
}

// write writes an entry of now, or of a time that is so much later.
func (w *writer) write(l line, later time.Duration) {
	w.t.Helper()
	w.n++
	now := time.Now().Add(later)
	l.realtime, l.monotonic = now.UnixMicro(), now.UnixMicro()-longAgo
	if _, err := w.in.Write(export([]line{l}).Bytes()); err != nil {
		w.t.Fatal(err)
	}
}

// host writes an entry of no container.
func (w *writer) host(text string) {
	w.t.Helper()
	w.write(line{boot: boot1, fields: []string{"MESSAGE=" + text, "_UID=0", "_SYSTEMD_CGROUP=/system.slice/a.service"}}, 0)
}

// follower reads what a query has as it comes.
type follower struct {
	t       *testing.T
	r       query.LogReader
	cursors []string
	got     []string // what came, in short
}

func follow(t *testing.T, n *Node, q query.LogQuery) *follower {
	t.Helper()
	q.Follow = true
	r, err := n.Entries(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return &follower{t: t, r: r}
}

// short shows an entry: repetitions of its text are left out.
func short(e *entry.Entry) string {
	v, _ := e.Get("MESSAGE")
	s := string(v)
	for strings.Contains(s, fullPiece) {
		s = strings.Replace(s, fullPiece, "@", 1)
	}
	if _, ok := e.Get("CONTAINER_PARTIAL_MESSAGE"); ok {
		s += "+"
	}
	return s
}

// journal returns what reads the journal.
func (f *follower) journal() *joined {
	if m, ok := f.r.(*reader).w.(*merged); ok {
		return m.kids[0].source.(*joined)
	}
	return f.r.(*reader).w.(*joined)
}

// next expects entries, or events, and says how long the last one took.
func (f *follower) next(want ...string) (took time.Duration) {
	f.t.Helper()
	for _, w := range want {
		ctx, cancel := context.WithTimeout(f.t.Context(), 20*time.Second)
		begun := time.Now()
		rec, err := f.r.Next(ctx)
		for err == nil && rec.Entry == nil && rec.Event == nil {
			rec, err = f.r.Next(ctx)
		}
		cancel()
		if err != nil {
			f.t.Fatalf("%v before %q", err, w)
		}
		got := ""
		if took = time.Since(begun); rec.Entry != nil {
			got = short(rec.Entry)
			f.cursors = append(f.cursors, strings.Clone(rec.Entry.Cursor))
		} else {
			got = "! " + string(rec.Event.Kind)
		}
		if f.got = append(f.got, got); got != w {
			f.t.Fatalf("got %.100q, want %q", got, w)
		}
	}
	return took
}

// none expects nothing for a while.
func (f *follower) none(wait time.Duration) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), wait)
	defer cancel()
	for {
		rec, err := f.r.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			f.t.Fatal(err)
		case rec.Entry != nil:
			f.t.Fatalf("got %.100q too early", short(rec.Entry))
		case rec.Event != nil:
			f.t.Fatalf("got event %+v", rec.Event)
		}
	}
}

// resumes expects that who follows after the cursor of each entry gets what came after it.
func (f *follower) resumes(n *Node, q query.LogQuery) {
	f.t.Helper()
	for i, c := range f.cursors {
		q.Cursor, q.Tail, q.Limit = c, false, 0
		again := follow(f.t, n, q)
		again.next(f.got[i+1:]...)
		if !slices.EqualFunc(again.cursors, f.cursors[i+1:], func(a, b string) bool {
			return entry.CursorID(a) == entry.CursorID(b)
		}) {
			f.t.Errorf("after %d: other entries", i)
		}
		again.r.Close()
	}
}

// Pieces that come one by one are one line, at the place of the last one; what comes between
// them does not wait for it, and its cursor is as good as any.
func TestFollowPieces(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	w.write(dockerPiece(0, ids[1], false, "first", "", 0, true), 0)
	n := node(t, nil, dir)
	all := follow(t, n, query.LogQuery{})
	all.next("first")
	one := follow(t, n, query.LogQuery{Tail: true, Limit: 5, Containers: []string{ids[1]}})
	grep := follow(t, n, query.LogQuery{Tail: true, Limit: 5, Grep: "abend|^none$|host"})
	one.next("first")
	for _, f := range []*follower{grep, one} { // they are at the end now
		f.none(300 * time.Millisecond)
	}
	for i := range 2 { // without and with ids
		piece := func(container int, stderr bool, text string, ordinal int, last bool) {
			t.Helper()
			w.write(dockerPiece(0, ids[container], stderr, text, fmt.Sprint("x", container, stderr), ordinal*i, last), 0)
		}
		piece(0, false, fullPiece, 1, false)
		all.none(300 * time.Millisecond)
		piece(0, true, fullPiece, 1, false)
		piece(1, true, fullPiece, 1, false)
		piece(0, false, fullPiece, 2, false)
		w.host("host between")
		piece(0, true, "end 1", 2, true)
		piece(1, true, "end 2", 2, true)
		w.host("host behind")
		piece(0, false, "end 3", 3, true)
		piece(0, false, "whole", 0, true)
		all.next("host between", "@end 1", "@end 2", "host behind", "@@end 3", "whole")
		grep.next("host between", "@end 1", "@end 2", "host behind", "@@end 3")
		one.next("@end 2")
	}
	all.resumes(n, query.LogQuery{})
	one.resumes(n, query.LogQuery{Containers: []string{ids[1]}})
	for _, f := range []*follower{all, grep, one} {
		f.none(100 * time.Millisecond)
	}
	got, _ := linesOf(t, n, query.LogQuery{Reverse: true})
	if len(got) != len(all.got) {
		t.Errorf("backward there are %d lines, not %d", len(got), len(all.got))
	}
}

// A line that does not end is shown when the time limit is over, by the clock of the reader,
// whatever time its piece has, and holds up what is behind it no longer. What comes of it later
// is shown by itself, and nothing is lost.
func TestFollowUnfinished(t *testing.T) {
	for name, later := range map[string]time.Duration{"now": 0, "tomorrow": 24 * time.Hour, "soon": 3 * time.Second} {
		for _, ordinal := range []int{0, 1} {
			t.Run(fmt.Sprint(name, ordinal), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				w := newWriter(t, dir)
				w.host("first")
				n := node(t, nil, dir)
				f := follow(t, n, query.LogQuery{})
				f.next("first")
				w.write(dockerPiece(0, ids[0], false, fullPiece, "x", ordinal, false), later)
				w.host("behind")
				begun := time.Now()
				f.next(fullPieceShort)
				if took := time.Since(begun); took < logdriver.TimeLimit || took > logdriver.TimeLimit+2*time.Second {
					t.Errorf("the unfinished line came after %v", took)
				}
				looks := 0
				for _, w := range f.journal().near {
					looks += w.count
				}
				if looks > 20 {
					t.Errorf("while it waited it looked around %d times", looks)
				}
				if took := f.next("behind"); took > time.Second {
					t.Errorf("what is behind came %v later", took)
				}
				w.write(dockerPiece(0, ids[0], false, "rest", "x", 2*ordinal, true), 0)
				if ordinal == 0 && name != "soon" {
					f.next("rest") // it may as well be a line
				} else {
					f.next("rest+")
				}
				w.host("last")
				f.next("last")
				f.none(200 * time.Millisecond)
			})
		}
	}
}

const fullPieceShort = "@+"

// Who does not follow gets everything at once, an unfinished line, too, and can go on from
// there.
func TestYoungPiece(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	for i := range 5 {
		w.host(fmt.Sprint(i))
	}
	w.write(dockerPiece(0, ids[0], false, fullPiece, "x", 1, false), 0)
	w.write(dockerPiece(0, ids[1], false, fullPiece, "", 0, false), 0)
	w.host("behind")
	f := follow(t, node(t, nil, dir), query.LogQuery{Matches: []string{"MESSAGE=behind"}})
	f.next("behind") // everything is written
	n := node(t, nil, dir)
	texts := func(q query.LogQuery) (got []string, entries []*entry.Entry) {
		t.Helper()
		entries, events, err := read(t, n, &q)
		if err != nil || len(events) > 0 {
			t.Fatal(events, err)
		}
		for _, e := range entries {
			got = append(got, short(e))
		}
		return got, entries
	}
	begun := time.Now()
	got, _ := texts(query.LogQuery{Tail: true, Limit: 4})
	want(t, "tail", got, "4", "@+", "@+", "behind")
	got, _ = texts(query.LogQuery{Reverse: true, Limit: 3})
	want(t, "reverse", got, "behind", "@+", "@+")
	got, entries := texts(query.LogQuery{})
	want(t, "all", got, "0", "1", "2", "3", "4", "@+", "@+", "behind")
	if took := time.Since(begun); took > logdriver.TimeLimit/2 {
		t.Errorf("it took %v", took)
	}
	w.write(dockerPiece(0, ids[0], false, "end", "x", 2, true), 0)
	w.host("last")
	f = follow(t, n, query.LogQuery{Matches: []string{"MESSAGE=last"}})
	f.next("last")
	if time.Since(begun) < logdriver.TimeLimit {
		got, _ = texts(query.LogQuery{Cursor: entries[5].Cursor})
		want(t, "resumed", got, "@+", "behind", "@end", "last")
	}
}

// The lines of log files wait for a line of the journal that is in front of them.
func TestFollowPiecesMerged(t *testing.T) {
	dir, logs := t.TempDir(), t.TempDir()
	known := NewIdentities(parsePath)
	i := identity(ids[2], ids[2])
	i.LogPath = filepath.Join(logs, "x-json.log")
	known.Came("/docker/"+ids[2], i)
	w := newWriter(t, dir)
	file := func(text string) {
		t.Helper()
		f, err := os.OpenFile(i.LogPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := fmt.Fprintf(f, `{"log":"%s\n","stream":"stdout","time":"%s"}`+"\n", text,
			time.Now().UTC().Format(time.RFC3339Nano)); err != nil {
			t.Fatal(err)
		}
	}
	file("a")
	w.host("b")
	n := node(t, known, dir)
	f := follow(t, n, query.LogQuery{})
	f.next("a", "b")
	for ordinal := range 2 { // without and with an id
		w.write(dockerPiece(0, ids[0], false, fullPiece, "x", ordinal, false), 0)
		f.none(200 * time.Millisecond)
		file("c")
		file("d")
		used := cpu(t)
		f.none(time.Second)
		if cpu(t)-used > 500*time.Millisecond {
			t.Errorf("to wait took %v of CPU time", cpu(t)-used)
		}
		if h := f.journal().hold; h.until(n).Sub(h.since) < logdriver.TimeLimit {
			t.Errorf("it waits for %v", h.until(n).Sub(h.since))
		}
		if ordinal == 0 {
			f.next("@+", "c", "d")
			continue
		}
		w.write(dockerPiece(0, ids[0], false, "end", "x", 2, true), 0)
		f.next("c", "d", "@end")
	}
	file("e")
	f.next("e")
	f.resumes(n, query.LogQuery{})
}

// What selectors match by now is taken in while a piece is waited for.
func TestFollowPiecesReplan(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	known := NewIdentities(parsePath)
	known.Came("/docker/"+ids[0], identity(ids[0], "web-1"))
	w.write(dockerPiece(0, ids[0], false, "first", "", 0, true), 0)
	n := node(t, known, dir)
	follow(t, n, query.LogQuery{}).next("first")
	f := follow(t, n, query.LogQuery{Tasks: []string{"web-*"}})
	f.next("first")
	f.none(lookAgain) // so that it looks again soon
	w.write(dockerPiece(0, ids[1], false, "early", "", 0, true), 0)
	w.write(dockerPiece(0, ids[0], false, fullPiece, "", 0, false), 0)
	f.none(100 * time.Millisecond)
	known.Came("/docker/"+ids[1], identity(ids[1], "web-2"))
	w.write(dockerPiece(0, ids[1], false, "of the other", "", 0, true), 0)
	f.next("early", "@+", "of the other")
	f.none(200 * time.Millisecond)
}

// A limit bounds what there was, also what is behind a piece that is waited for.
func TestFollowPiecesLimit(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	w.host("1")
	w.write(dockerPiece(0, ids[0], false, fullPiece, "", 0, false), 0)
	w.host("3")
	w.host("4")
	f := follow(t, node(t, nil, dir), query.LogQuery{Matches: []string{"MESSAGE=4"}})
	f.next("4") // everything is written
	f = follow(t, node(t, nil, dir), query.LogQuery{Limit: 3})
	f.next("1", "@+", "3")
	f.none(200 * time.Millisecond)
	w.host("5")
	f.next("5")
}

// An old piece is not waited for.
func TestFollowOldPiece(t *testing.T) {
	dir := t.TempDir()
	writeJournal(t, filepath.Join(dir, "a.journal"), []line{dockerPiece(0, ids[0], false, fullPiece, "", 0, false),
		dockerPiece(1, ids[1], false, "behind", "", 0, true)})
	begun := time.Now()
	follow(t, node(t, nil, dir), query.LogQuery{}).next("@+", "behind")
	if took := time.Since(begun); took > logdriver.TimeLimit {
		t.Errorf("it took %v", took)
	}
}

// A container that has ended writes no more: its unfinished line comes before its end.
func TestFollowEnded(t *testing.T) {
	dir := t.TempDir()
	w := newWriter(t, dir)
	known := NewIdentities(parsePath)
	known.Came("/docker/"+ids[0], identity(ids[0], "web"))
	w.write(dockerPiece(0, ids[0], false, "first", "", 0, true), 0)
	n := node(t, known, dir)
	follow(t, n, query.LogQuery{}).next("first")
	f := follow(t, n, query.LogQuery{Tasks: []string{"web"}})
	f.next("first")
	known.Went("/docker/" + ids[0])
	w.write(dockerPiece(0, ids[0], false, fullPiece, "", 0, false), 0)
	f.next(fullPieceShort, "! "+string(entry.Ended))
	h := hold{since: time.Now()}
	h.piece.Read([]entry.Field{{Name: "CONTAINER_ID_FULL", Value: []byte(ids[0])}})
	if wait := h.until(n).Sub(h.since); wait > endAfter/2 {
		t.Errorf("it waits for %v", wait)
	}
}
