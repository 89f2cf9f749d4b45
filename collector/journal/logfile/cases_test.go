package logfile

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig"
)

// Each stream's pieces are joined for themselves, over a rename, and not beyond the
// end of the container.
func TestPiecesOfTwoStreams(t *testing.T) {
	w := newTestWriter(t, CRI)
	r := reader(t, w.log(Options{Attempts: true, Watcher: watcher(t)}))
	w.write(Stdout, "out 1 ", true)
	w.write(Stderr, "err 1 ", true)
	w.line2("whole")
	equal(t, "before the rename", rest(r), "E:err 1 whole")
	w.rotate(5, false)
	w.write(Stdout, "out 2", false)
	w.write(Stderr, "err 2", false)
	w.write(Stdout, "lone", true)
	waitFor(t, r)
	equal(t, "after it", rest(r), "out 1 out 2", "E:err 2")

	w.file.Close()
	w.path = filepath.Join(filepath.Dir(w.path), "1.log")
	w.open()
	w.line("first of the next start")
	waitFor(t, r)
	equal(t, "the next start", rest(r), "lone open", "first of the next start")
	if r.Line().Attempt != 1 {
		t.Errorf("attempt %d", r.Line().Attempt)
	}
	w.write(Stderr, "the end", true)
	r.End()
	equal(t, "the end", rest(r), "E:the end open")
	if err := r.Wait(t.Context()); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
	noErrors(t, r)

	var back []string
	for r.SeekTail(); r.Previous(); {
		back = append(back, show(r.Line()))
	}
	equal(
		t,
		"backward",
		back,
		"E:the end open",
		"first of the next start",
		"lone open",
		"E:err 2",
		"out 1 out 2",
		"E:err 1 whole",
	)
}

func (w *testWriter) line2(text string) { w.t.Helper(); w.write(Stderr, text, false) }

// waitFor waits until the reader has something.
func waitFor(t testing.TB, r *Reader) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.Wait(ctx); err != nil {
		t.Fatalf("nothing came: %v", err)
	}
}

// Reading goes on exactly after a line whose neighbour was not complete, even after
// rotation and compression.
func TestResumeBetweenPieces(t *testing.T) {
	for _, f := range formats {
		w := newTestWriter(t, f)
		w.line("0")
		w.write(Stderr, piece('e'), true)
		w.write(Stdout, piece('o'), true)
		w.write(Stdout, "end", false)
		r := reader(t, w.log(Options{}))
		equal(t, "before", rest(r), "0", "oooo…oend(16387)")
		c, err := ParseCursor(r.Cursor().String())
		if err != nil {
			t.Fatal(err)
		}
		w.rotate(5, true)
		w.write(Stdout, "1", false)
		w.write(Stderr, "end", false)
		w.line("2")
		w.rotate(5, true)
		w.line("3")
		r = reader(t, w.log(Options{}))
		r.SeekAfter(c)
		equal(t, "after", rest(r), "1", "E:eeee…eend(16387)", "2", "3")
		noErrors(t, r)
	}
}

// A container that was started again writes to the same file of Docker or Podman.
func TestStartedAgain(t *testing.T) {
	for _, f := range formats {
		w := newTestWriter(t, f)
		w.write(Stdout, piece('a'), true)
		w.now = w.now.Add(time.Second)
		started := w.now
		w.line("first")
		r := reader(t, w.log(Options{Started: []time.Time{started}}))
		equal(t, f.String(), rest(r), "aaaa…aaaa(16384) open", "first")
		r.Previous()
		r.Previous()
		if r.Next(); show(r.Line()) != "aaaa…aaaa(16384) open" && show(r.Line()) != "first" {
			t.Errorf("%v: %s", f, show(r.Line()))
		}
	}
}

// A file that is truncated while it is followed is read from its start, and what went
// unread is told of.
func TestTruncated(t *testing.T) {
	for _, f := range formats {
		w := newTestWriter(t, f)
		r := reader(t, w.log(Options{Watcher: watcher(t)}))
		w.line("1")
		w.line("2")
		r.Next()
		w.check(os.Truncate(w.path, 0))
		waitFor(t, r)
		rest(r)
		w.line("3")
		waitFor(t, r)
		got := rest(r)
		if got[len(got)-1] != "3" {
			t.Errorf("%v: %q", f, got)
		}
		lost := lostErrors(t, r)
		if len(lost) != 1 || lost[0].Cause != Truncated {
			t.Errorf("%v: %v", f, lost)
		}
	}
}

// lostErrors returns the reader's errors, all of which must be about loss.
func lostErrors(t testing.TB, r *Reader) (all []*LostError) {
	t.Helper()
	for _, err := range r.Errors() {
		var lost *LostError
		if !errors.As(err, &lost) {
			t.Errorf("%T: %v", err, err)
			continue
		}
		all = append(all, lost)
	}
	return all
}

// What logrotate's copytruncate has copied is read from the copy.
func TestCopyTruncate(t *testing.T) {
	for _, f := range formats {
		for _, hole := range []bool{false, true} {
			w := newTestWriter(t, f)
			if hole { // the writer goes on at its old offset
				w.file.Close()
				var err error
				w.file, err = os.OpenFile(w.path, os.O_WRONLY|os.O_CREATE, 0o600)
				w.check(err)
			}
			r := reader(t, w.log(Options{Watcher: watcher(t)}))
			for i := range 3000 { // more than is read at once
				w.line("line " + strings.Repeat("x", 40) + string(rune('0'+i%10)))
			}
			r.Next()
			b, err := os.ReadFile(w.path)
			w.check(err)
			w.check(os.WriteFile(w.path+"-20240102", b, 0o600))
			w.check(os.Truncate(w.path, 0))
			for range 3000 {
				w.line("new")
			}
			waitFor(t, r)
			got := rest(r)
			if len(got) != 5999 || got[2998] == "new" || got[2999] != "new" {
				t.Errorf("%v, hole %v: %d lines", f, hole, len(got))
			}
			noErrors(t, r)
			c := r.Cursor()
			r.SeekAfter(c)
			if got := rest(r); len(got) != 0 {
				t.Errorf("%v, hole %v: %d lines after the last", f, hole, len(got))
			}
			noErrors(t, r)
		}
	}
}

// A hole in front of what a reader is to read is counted.
func TestHole(t *testing.T) {
	for _, f := range formats {
		w := newTestWriter(t, f)
		w.file.Close()
		var err error
		w.file, err = os.OpenFile(w.path, os.O_WRONLY, 0o600)
		w.check(err)
		r := reader(t, w.log(Options{}))
		for range 10000 {
			w.line("a line of the old content")
		}
		r.Next()
		size, err := w.file.Seek(0, io.SeekCurrent)
		w.check(err)
		w.check(os.Truncate(w.path, 0))
		w.line("new")
		got := rest(r)
		if got[len(got)-1] != "new" {
			t.Errorf("%v: %q", f, got[len(got)-1])
		}
		lost := lostErrors(t, r)
		if len(lost) != 1 || lost[0].Bytes == 0 || lost[0].Bytes > size || !lost[0].Sure {
			t.Errorf("%v: %v", f, lost)
		}
		again := reader(t, w.log(Options{}))
		equal(t, f.String(), rest(again), "new")
		noErrors(t, again)
		again.SeekTail()
		if !again.Previous() || show(again.Line()) != "new" || again.Previous() {
			t.Errorf("%v: backward", f)
		}
	}
}

// A record of which only a part was written is waited for; if it stays so, that is said.
func TestHalfARecord(t *testing.T) {
	for _, f := range formats {
		w := newTestWriter(t, f)
		r := reader(t, w.log(Options{Watcher: watcher(t)}))
		b := w.record(Stdout, "whole", false)
		w.raw(b[:len(b)/2])
		equal(t, "half", rest(r))
		r.SeekTail()
		equal(t, "half at the tail", rest(r))
		w.raw(b[len(b)/2:])
		waitFor(t, r)
		equal(t, "whole", rest(r), "whole")
		noErrors(t, r)
		w.raw(b[:len(b)/2])
		r.End()
		equal(t, "half at the end", rest(r))
		var bad *BadError
		if errs := r.Errors(); len(errs) != 1 || !errors.As(errs[0], &bad) || bad.Bytes != int64(len(b)/2) {
			t.Errorf("%v: %v", f, errs)
		}
	}
}

// What a crash left of a record is passed over, and said.
func TestCrashed(t *testing.T) {
	w := newTestWriter(t, DockerJSON)
	w.line("1")
	half := w.record(Stdout, "half", false)[:20]
	w.raw(half)
	w.line("2")
	w.raw(append(half[:20:20], make([]byte, 500)...))
	w.line("3")
	r := reader(t, w.log(Options{}))
	equal(t, "forward", rest(r), "1", "2", "3")
	if errs := r.Errors(); len(errs) != 2 {
		t.Errorf("%v", errs)
	}
	equal(t, "backward", backwards(r), "3", "2", "1")
}

func backwards(r *Reader) (all []string) {
	for r.SeekTail(); r.Previous(); {
		all = append(all, show(r.Line()))
	}
	return all
}

// Only regular files are opened.
func TestOnlyRegularFiles(t *testing.T) {
	w := newTestWriter(t, DockerJSON)
	w.line("live")
	w.check(unix.Mkfifo(w.path+".1", 0o600))
	w.check(os.Symlink("/etc/passwd", w.path+".2"))
	w.check(os.Mkdir(w.path+".3", 0o700))
	want := 3
	if os.Geteuid() == 0 && unix.Mknod(w.path+".4", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))) == nil {
		want++
	}
	r := reader(t, w.log(Options{}))
	equal(t, "forward", rest(r), "live")
	errs := r.Errors()
	if len(errs) != want {
		t.Errorf("%v", errs)
	}
	for _, err := range errs {
		if !strings.Contains(err.Error(), "regular file") || !strings.Contains(err.Error(), "-json.log.") {
			t.Error(err)
		}
	}
}

// Files that rotation removed before they were read are counted where changes are
// watched, and suspected where they are not.
func TestRotatedAway(t *testing.T) {
	for _, f := range []Format{DockerJSON, DockerLocal} {
		for _, watched := range []bool{true, false} {
			w := newTestWriter(t, f)
			o := Options{}
			if watched {
				o.Watcher = watcher(t)
			}
			r := reader(t, w.log(o))
			w.line("0")
			equal(t, "0", rest(r), "0")
			for i := range 5 {
				w.rotate(2, false)
				w.line(string(rune('1' + i)))
			}
			equal(t, "the last two", rest(r), "4", "5")
			lost := lostErrors(t, r)
			if len(lost) != 1 || lost[0].Cause != Rotated || lost[0].Sure != watched || watched && lost[0].Files != 3 {
				t.Errorf("%v, watched %v: %v", f, watched, lost)
			}
			w.rotate(2, false) // nothing is lost by that
			w.rotate(2, false)
			w.line("6")
			equal(t, "6", rest(r), "6")
			if lost := lostErrors(t, r); watched && len(lost) != 0 {
				t.Errorf("%v: %v", f, lost)
			}
		}
	}
}

// The files that a reader knows of are read though they are removed.
func TestRemovedUnderReader(t *testing.T) {
	for _, f := range formats {
		w := newTestWriter(t, f)
		w.line("1")
		w.rotate(5, false)
		w.line("2")
		r := reader(t, w.log(Options{Watcher: watcher(t)}))
		r.Next()
		w.line("3")
		w.check(os.RemoveAll(filepath.Dir(w.path)))
		r.End()
		equal(t, f.String(), rest(r), "2", "3")
		noErrors(t, r)
		if err := r.Wait(t.Context()); err != io.EOF {
			t.Errorf("%v: %v", f, err)
		}
		gone := reader(t, w.log(Options{}))
		if gone.Next() || gone.Previous() {
			t.Error("a line of a file that is not there")
		}
		if errs := gone.Errors(); len(errs) != 1 || !errors.Is(errs[0], fs.ErrNotExist) {
			t.Errorf("%v", errs)
		}
	}
}

// A log that does not exist yet can be waited for.
func TestFollowFromNothing(t *testing.T) {
	for _, watched := range []bool{true, false} {
		o := Options{}
		if watched {
			o.Watcher = watcher(t)
		}
		dir := filepath.Join(t.TempDir(), "later")
		r := reader(t, New(filepath.Join(dir, "0.log"), o))
		if r.Next() || len(r.Errors()) != 1 {
			t.Error("there is something")
		}
		w := &testWriter{t: t, format: CRI, path: filepath.Join(dir, "0.log"), now: time.Now()}
		w.check(os.Mkdir(dir, 0o700))
		w.open()
		defer w.file.Close()
		w.line("1")
		waitFor(t, r)
		equal(t, "first", rest(r), "1")
		w.line("2")
		waitFor(t, r)
		equal(t, "second", rest(r), "2")
	}
}

// A cursor whose file is gone leads to what is later, and a loss is suspected.
func TestCursorOfAGoneFile(t *testing.T) {
	w := newTestWriter(t, DockerJSON)
	w.line("1")
	r := reader(t, w.log(Options{}))
	r.Next()
	c := r.Cursor()
	for _, s := range []string{"2", "3", "4"} {
		w.rotate(2, false)
		w.line(s)
	}
	r = reader(t, w.log(Options{}))
	r.SeekAfter(c)
	equal(t, "after", rest(r), "3", "4")
	if lost := lostErrors(t, r); len(lost) != 1 || lost[0].Sure {
		t.Errorf("%v", lost)
	}
}

// Lines of all sizes are whole; beyond the largest they are shown in parts.
func TestLongLines(t *testing.T) {
	for _, f := range formats {
		w := newTestWriter(t, f)
		var want []string
		for _, n := range []int{4095, 4096, 5000, 48 << 10, 64<<10 + 1, 1 << 20} {
			text := strings.Repeat("0123456789abcdef", n/16+1)[:n]
			want = append(want, text)
			for len(text) > dockerPiece {
				w.write(Stdout, text[:dockerPiece], true)
				text = text[dockerPiece:]
			}
			w.line(text)
		}
		r := reader(t, w.log(Options{}))
		for i := 0; r.Next(); i++ {
			if string(r.Line().Text) != want[i] {
				t.Errorf("%v: %d bytes, not %d", f, len(r.Line().Text), len(want[i]))
			}
		}
		noErrors(t, r)
	}
}

func TestTooLongALine(t *testing.T) {
	w := newTestWriter(t, CRI)
	mib := strings.Repeat("m", 1<<20)
	for range 40 {
		w.write(Stdout, mib, true)
	}
	w.line("end")
	w.line("next")
	r := reader(t, w.log(Options{}))
	want := []string{"mmmm…mmmm(16777216) cut", "mmmm…mmmm(16777216) cut", "mmmm…mend(8388611)", "next"}
	equal(t, "forward", rest(r), want...)
	if errs := r.Errors(); len(errs) != 2 {
		t.Errorf("%v", errs)
	}
	r.SeekHead()
	r.Next()
	c := r.Cursor()
	r.SeekAfter(c)
	equal(t, "after the first part", rest(r), want[1:]...)
}

// Bytes that are no text come as they are.
func TestUnusualBytes(t *testing.T) {
	texts := []string{"cr\r", "esc \x1b[31m bel \a", "nul \x00 inside", "\xff\xfe", "", " ", "\t"}
	for _, f := range []Format{CRI, DockerLocal} { // Docker's JSON has lost what is not UTF-8
		w := newTestWriter(t, f)
		for _, s := range texts {
			w.line(s)
		}
		r := reader(t, w.log(Options{}))
		equal(t, f.String(), rest(r), texts...)
		noErrors(t, r)
	}
}

func TestEntry(t *testing.T) {
	w := newTestWriter(t, DockerJSON)
	w.write(Stderr, "text", false)
	o := Options{Fields: []entry.Field{{Name: "CONTAINER_NAME", Value: []byte("web")}}}
	o.Origin.SetTag("container_id", "abc")
	r := reader(t, w.log(o))
	r.Next()
	var e entry.Entry
	r.Entry(&e)
	for name, want := range map[string]string{
		"MESSAGE": "text", "PRIORITY": "3", "STREAM": "STDERR", "CONTAINER_NAME": "web", "TAG": "x",
	} {
		if got, _ := e.Get(name); string(got) != want {
			t.Errorf("%s=%q, not %q", name, got, want)
		}
	}
	if e.Origin.Tag("container_id") != "abc" || e.Realtime != w.now.UnixMicro() || e.Monotonic != entry.NoMonotonic {
		t.Errorf("%+v", e)
	}
	for in, want := range map[string]string{
		"com.x/y-1": "COM_X_Y_1", "__a": "A", "é": "", strings.Repeat("a", 70): strings.Repeat("A", 64),
	} {
		if got := fieldName(in); got != want {
			t.Errorf("%q: %q, not %q", in, got, want)
		}
	}
}

// A stalled reader of a log that is removed lets go of its files when it reads on.
func TestLetsGoOfFiles(t *testing.T) {
	w := newTestWriter(t, DockerJSON)
	r := reader(t, w.log(Options{Watcher: watcher(t)}))
	for range 50 {
		w.line("x")
		w.rotate(2, false)
		rest(r)
		lostErrors(t, r)
	}
	rig.Eventually(t, 10*time.Second, func() error {
		rest(r)
		if len(r.all) > 3 {
			return errors.New("more files are open than needed")
		}
		return nil
	})
}

// A line goes on after much that the other stream has written, also for whoever begins to
// read there: backward, at the tail, or at a time.
func TestPiecesFarApart(t *testing.T) {
	for _, f := range []Format{DockerJSON, DockerLocal, CRI} {
		w := newTestWriter(t, f)
		w.line("first")
		w.write(Stdout, piece('a'), true)
		const others = 30
		for range others {
			w.write(Stderr, piece('b'), true)
			w.write(Stderr, "b end", false)
		}
		w.write(Stdout, "end", false)
		w.line("last")
		r := reader(t, w.log(Options{}))
		r.End()
		r.SeekTail()
		all := backwards(r)
		if len(all) != others+3 || all[1] != show(&Line{Text: []byte(piece('a') + "end")}) {
			t.Errorf("%v: backward it is %q", f, all)
		}
		r.SeekTail()
		for range 2 {
			r.Previous()
		}
		cursor := r.Cursor()
		r.SeekTime(cursor.Time())
		if !r.Next() || show(r.Line()) != all[1] {
			t.Errorf("%v: by its time it is %q, want %q", f, show(r.Line()), all[1])
		}
		noErrors(t, r)
	}
}
