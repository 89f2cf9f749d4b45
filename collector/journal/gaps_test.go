package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// history writes files of a journald, in rounds: in each the system writes four entries
// and two users one each, and then all files are rotated. The last round's files are live.
func history(t testing.TB, rounds int, before func(s *sequence, round int)) (dir string, s *sequence) {
	dir = t.TempDir()
	s = newSequence(t, dir, ID{1}, 1)
	for n := range rounds {
		if before != nil {
			before(s, n)
		}
		for _, name := range []string{"system", "user-1", "system", "system", "user-2", "system"} {
			s.put(name+".journal", info)
		}
		for _, name := range []string{"system", "user-1", "user-2"} {
			if n < rounds-1 {
				s.archive(name+".journal", fmt.Sprintf("%s@%d.journal", name, n))
			}
		}
	}
	return dir, s
}

func remove(t testing.TB, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// gapsOf splits what a reader has to say.
func gapsOf(t *testing.T, r *Reader) (gaps []string) {
	t.Helper()
	for _, err := range r.Errors() {
		var g *GapError
		if !errors.As(err, &g) {
			t.Error(err)
			continue
		}
		gaps = append(gaps, fmt.Sprint(g.Entries, " of ", g.From, " to ", g.To))
	}
	return gaps
}

func wantGaps(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// A file between two others is gone: each reader that comes past the place is told once,
// in either direction, with or without a filter, from wherever it began.
func TestGap(t *testing.T) {
	dir, _ := history(t, 5, nil)
	remove(t, dir, "system@2.journal", "user-1@2.journal")
	j := openDir(t, dir)
	const gap = "5 of 13 to 18"
	place := func(n uint64) Cursor {
		r := j.Reader(Match{})
		defer r.Close()
		for r.Next() && r.e.seqnum < n {
		}
		return r.Cursor()
	}
	at := func(seek func(*Reader, Cursor), n uint64) func(r *Reader) {
		return func(r *Reader) { seek(r, place(n)) }
	}
	since := func(r *Reader, c Cursor) { r.SeekRealtime(c.Realtime) }
	for _, m := range []Match{{}, Equal("PRIORITY", "6"), Any(Equal("MESSAGE", "line 2"), Equal("MESSAGE", "line 29"))} {
		for _, c := range []struct {
			name string
			seek func(r *Reader)
			back bool
			want bool
		}{
			{"from the head", (*Reader).SeekHead, false, true},
			{"from the tail", (*Reader).SeekTail, true, true},
			{"after a cursor before it", at((*Reader).SeekAfter, 3), false, true},
			{"at a cursor before it", at((*Reader).SeekCursor, 3), false, true},
			{"after a cursor behind it", at((*Reader).SeekAfter, 20), false, false},
			{"since a time before it", at(since, 3), false, true},
			{"since a time behind it", at(since, 20), false, false},
			{"back from a time behind it", at(since, 25), true, true},
			{"back from a time before it", at(since, 10), true, false},
			{"back from a cursor behind it", at((*Reader).SeekCursor, 25), true, true},
		} {
			r := j.Reader(m)
			c.seek(r)
			step := r.Next
			if c.back {
				step = r.Previous
			}
			var got []string
			for step() {
				got = append(got, gapsOf(t, r)...)
			}
			got = append(got, gapsOf(t, r)...)
			got = append(got, gapsOf(t, r)...)
			var want []string
			if c.want {
				want = []string{gap}
			}
			wantGaps(t, fmt.Sprint(m, " ", c.name), got, want...)
			r.Close()
		}
	}
	r := j.Reader(Match{})
	defer r.Close()
	r.SeekTail()
	r.isNews()
	wantGaps(t, "at the tail", gapsOf(t, r))
}

// The end of a file that was not closed is lost, and its successor has no entries when
// the reader looks first.
func TestGapInFollow(t *testing.T) {
	dir := t.TempDir()
	s := newSequence(t, dir, ID{1}, 1)
	for range 5 {
		s.put("system.journal")
	}
	s.archive("system.journal", "system@0.journal~")
	s.file("system.journal")
	j := openDir(t, dir)
	r := j.Reader(Match{})
	defer r.Close()
	wantNumbers(t, "before", numbers(r, 9), 1, 2, 3, 4, 5)
	wantGaps(t, "before", gapsOf(t, r))
	s.m.seqnum += 3
	s.put("system.journal")
	s.put("system.journal")
	wantNumbers(t, "after", numbers(r, 9), 9, 10)
	wantGaps(t, "after", gapsOf(t, r), "3 of 6 to 8")
	s.put("system.journal")
	wantNumbers(t, "later", numbers(r, 9), 11)
	wantGaps(t, "later", gapsOf(t, r))
}

// What is no gap, or cannot be told from what is none.
func TestNoGap(t *testing.T) {
	for name, c := range map[string]struct {
		before func(s *sequence, round int)
		after  func(dir string)
	}{
		"all is there": {},
		"the oldest files were vacuumed": {after: func(dir string) {
			remove(t, dir, "system@0.journal", "system@1.journal", "user-1@0.journal")
		}},
		"the files of a user are not there": {after: func(dir string) {
			remove(t, dir, "user-1@0.journal", "user-1@1.journal", "user-1@2.journal", "user-1@3.journal", "user-1.journal",
				"system@2.journal")
		}},
		"a file cannot be read": {after: func(dir string) {
			if err := os.Truncate(filepath.Join(dir, "user-1@2.journal"), 100); err != nil {
				t.Fatal(err)
			}
		}},
		"an entry was not finished": {before: func(s *sequence, round int) {
			if round == 2 {
				s.m.seqnum++
				rewrite(t, filepath.Join(s.dir, "system@1.journal"), func(b []byte) {
					le.PutUint64(b[headTailSeqnum:], s.m.seqnum)
				})
			}
		}},
		"the machine boots": {before: func(s *sequence, round int) {
			if round == 2 {
				s.m.seqnum += 100
				s.m.boot[3]++
			}
		}},
		// With the first entry of a user after a boot numbers leap to those of the user's
		// file, here while the system's file is rotated.
		"numbers leap": {before: func(s *sequence, round int) {
			switch round {
			case 0:
				s.m.seqnum = 500
				s.put("user-3.journal", info)
				s.m.seqnum = 0
				s.m.boot[3]++
			case 2:
				s.m.seqnum = 500
				s.put("user-3.journal", info)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := history(t, 5, c.before)
			if c.after != nil {
				c.after(dir)
			}
			j := Open(Options{Dirs: []string{dir}, Log: discard})
			defer j.Close()
			r := j.Reader(Match{})
			defer r.Close()
			for r.Next() {
			}
			wantGaps(t, "from the head", gapsOf(t, r))
			r.SeekTail()
			for r.Previous() {
			}
			wantGaps(t, "from the tail", gapsOf(t, r))
		})
	}
}

// Numbers that seem to be missing are in a file that nobody was told of yet.
func TestNoGapBesideNewFile(t *testing.T) {
	dir := t.TempDir()
	s := newSequence(t, dir, ID{1}, 1)
	for range 6 {
		s.put("system.journal")
	}
	s.archive("system.journal", "system@0.journal")
	s.file("system.journal")
	settled()
	j := openDir(t, dir)
	s.put("user-1.journal")
	s.put("system.journal")
	if gaps := j.findGaps(); len(gaps) > 0 {
		t.Errorf("got %v", gaps)
	}
}

func rewrite(t testing.TB, path string, change func(b []byte)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change(b)
	write(t, path, b)
}

// Entries that are told of as lost with their file are not told of once more.
func TestGapOfLostFile(t *testing.T) {
	dir, _ := history(t, 5, nil)
	j := openDir(t, dir)
	r := j.Reader(Match{})
	defer r.Close()
	wantNumbers(t, "first", numbers(r, 2), 1, 2)
	if _, err := r.AppendExport(nil); err != nil {
		t.Fatal(err)
	}
	remove(t, dir, "system@2.journal")
	j.Refresh()
	for r.Next() {
	}
	var said []string
	for _, err := range r.Errors() {
		said = append(said, err.Error())
	}
	if len(said) != 1 || !strings.Contains(said[0], "system@2.journal was removed with up to 4 entries unread") {
		t.Errorf("said %q, want that 4 entries were lost", said)
	}
	r.SeekHead()
	for r.Next() {
	}
	wantGaps(t, "once more from the head", gapsOf(t, r), "4 of 13 to 18")
}

// A journald that rotates all the time, with users, where the oldest files are vacuumed,
// leaves no gap, and one whose file is taken away does.
func TestGapsOfJournald(t *testing.T) {
	withJournald(t, func(t *testing.T) {
		d := startJournald(t, "")
		j := runJournal(t, persistent)
		writers := []*writer{d.writer("a", 0), d.writer("b", 1000), d.writer("c", 1001)}
		for n := range 12 {
			for i, w := range writers {
				w.sendAll(20 * (i + 1))
			}
			if n == 5 {
				d.process.Signal(9)
				<-d.process.Ended()
				for _, w := range writers {
					w.close()
				}
				d.start()
				continue
			}
			d.sync()
			d.rotate()
			time.Sleep(20 * time.Millisecond)
		}
		d.sync()
		read := func() []string {
			j.Refresh()
			r := j.Reader(Match{})
			defer r.Close()
			for r.Next() {
			}
			return gapsOf(t, r)
		}
		wantGaps(t, "all files", read())
		files, err := filepath.Glob(persistent + "/*/system@*.journal")
		if err != nil || len(files) < 8 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		info := map[string]*File{}
		for _, path := range files {
			f, err := openFile(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.release()
			info[path] = f
		}
		slices.SortFunc(files, func(a, b string) int {
			return int(info[a].u64(headHeadSeqnum)) - int(info[b].u64(headHeadSeqnum))
		})
		if err := os.Remove(files[0]); err != nil {
			t.Fatal(err)
		}
		wantGaps(t, "without the oldest file", read())
		n := info[files[4]].entries()
		if err := os.Remove(files[4]); err != nil {
			t.Fatal(err)
		}
		if got := read(); len(got) != 1 || !strings.HasPrefix(got[0], fmt.Sprint(n, " of ")) {
			t.Errorf("without a file in the middle of %d entries: got %q", n, got)
		}
	})
}

// A file to which entries are written once its ends were read, and which is archived then, has
// them all.
func TestNumbersOfFileArchivedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	s := newSequence(t, dir, ID{1}, 1)
	s.put("system.journal", info)
	s.put("system.journal", info)
	j := openDir(t, dir)
	n := &numberedFile{File: j.live[0]}
	if ok, err := n.read(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	boot := s.m.boot
	s.put("system.journal", info)
	s.put("system.journal", info)
	s.archive("system.journal", "system@1.journal")
	if j.Refresh(); n.live.Load() {
		t.Fatal("the file is still written to")
	}
	var d decoder
	defer d.close()
	if has, err := n.numbers(boot, 3, 4, &d); has != 2 || err != nil {
		t.Errorf("%d entries of 2, %v", has, err)
	}
}
