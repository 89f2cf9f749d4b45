package journal

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

const persistent, volatile = "/var/log/journal", "/run/log/journal"

// liveLines is how many lines each of three writers writes in the long tests;
// DAYTWO_JOURNAL_LINES sets another number.
func liveLines(t testing.TB) int { return number(t, "DAYTWO_JOURNAL_LINES", 8000) }

// A follow of a directory that is not there, with a filter that matches nothing
// yet, shows the first entry soon after it was written; afterwards it rests: 0.05% of a
// core where the kernel tells of what journald does, and 1.5% where it does not.
func TestFollowFromNothing(t *testing.T) {
	withJournald(t, func(t *testing.T) { testFollowFromNothing(t, 0.005) })
}

func TestFollowUnseenFromNothing(t *testing.T) {
	withUnseenJournald(t, func(t *testing.T) { testFollowFromNothing(t, 0.03) })
}

func testFollowFromNothing(t *testing.T, idle float64) {
	j := runJournal(t, volatile, persistent)
	f := follow(t, j, Equal("WRITER", "a"), nil)
	d := startJournald(t, "")
	w := d.writer("a", 0)
	w.sendAll(1)
	waitFor(t, "the first line", 5*time.Second, func() bool { return len(f.got()) == 1 })
	const n = 300
	for range n {
		w.sendAll(1)
		time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
	}
	waitFor(t, "all lines", 5*time.Second, func() bool { return len(f.got()) == n+1 })
	var took []time.Duration
	for _, l := range f.got()[1:] {
		took = append(took, time.Duration(l.arrived-l.sent))
	}
	slices.Sort(took)
	t.Logf("from written to read: first line %v, then half within %v, 99%% within %v",
		time.Duration(f.got()[0].arrived-f.got()[0].sent), took[n/2], took[n*99/100])
	if took[n/2] > 100*time.Millisecond { // a busy machine may take its time; journalctl takes 250 ms
		t.Errorf("half of the lines took more than %v", took[n/2])
	}
	wantAll(t, f.got(), map[string]int{"a": n + 1})
	time.Sleep(idleAfter)
	cpu := cpuOf(t, 2*time.Second)
	t.Logf("an idle follow takes %.2f%% of a core", 100*cpu)
	if cpu > idle {
		t.Errorf("an idle follow takes %.2f%% of a core", 100*cpu)
	}
	if errs := f.errors(); len(errs) > 0 {
		t.Error(errs)
	}

	// With no line of history, nothing old shows, although there are several files.
	d.rotate()
	d.writer("b", 1000).sendAll(10)
	d.sync()
	w.sendAll(10)
	d.sync()
	j.Refresh()
	f = follow(t, j, Match{}, nil)
	w.sendAll(1)
	waitFor(t, "the new line", 5*time.Second, func() bool { return len(f.got()) > 0 })
	if got := f.got(); len(got) != 1 || got[0].number != w.n {
		t.Errorf("got %v, want number %d alone", got, w.n)
	}
}

// Three writers, of three users, rotation in short succession, and a reader that
// is stopped and started from its cursor: each line once, in its writer's order, and rest
// afterwards (CASES L-A6; all 200,000 lines by 'make rotation-soak').
func TestFollowThroughRotation(t *testing.T) {
	withJournald(t, func(t *testing.T) {
		d := startJournald(t, "")
		d.writer("before", 0).sendAll(1)
		d.sync()
		j := runJournal(t, persistent)
		var writers sync.WaitGroup
		n := liveLines(t)
		f := follow(t, j, Match{}, nil)
		want := map[string]int{}
		for name, uid := range map[string]uint32{"root": 0, "ann": 1000, "bob": 1001} {
			want[name] = n
			w := d.writer(name, uid)
			writers.Go(func() { w.sendAll(n) })
		}
		done := make(chan struct{})
		go func() { writers.Wait(); close(done) }()
		var got []line
		begin := time.Now()
		for restarts := 0; ; {
			select {
			case <-done:
			case <-time.After(300 * time.Millisecond):
				d.rotate()
				if restarts++; restarts <= 5 && len(f.got()) > 0 {
					f.stop()
					got = append(got, f.got()...)
					if errs := f.errors(); len(errs) > 0 {
						t.Error(errs)
					}
					f = follow(t, j, Match{}, &f.cursor)
				}
				continue
			}
			break
		}
		d.sync()
		waitFor(t, "all lines", 60*time.Second, func() bool { return len(got)+len(f.got()) >= 3*n })
		time.Sleep(50 * time.Millisecond) // a line too many would come soon
		got = append(got, f.got()...)
		files, _ := filepath.Glob(persistent + "/*/*.journal")
		t.Logf("%d lines in %v, %d files", len(got), time.Since(begin), len(files))
		wantAll(t, got, want)
		if errs := f.errors(); len(errs) > 0 {
			t.Error(errs)
		}
		// A journald that did not rest for long may count as a writer that is not known.
		rests := time.Now().Add(missedFor + 10*time.Second)
		time.Sleep(idleAfter)
		for cpu := cpuOf(t, 2*time.Second); cpu > 0.01; cpu = cpuOf(t, 2*time.Second) {
			if time.Now().After(rests) {
				t.Fatalf("it takes %.2f%% of a core afterwards", 100*cpu)
			}
		}
		t.Logf("it rests %v after the last line", time.Since(rests.Add(-missedFor-10*time.Second)))
	})
}

// Files are vacuumed under readers. One that is behind is told how many entries
// it lost; no deleted file stays open, although one reader does not read on.
func TestVacuumUnderReaders(t *testing.T) {
	withJournald(t, func(t *testing.T) {
		d := startJournald(t, "")
		w := d.writer("a", 0)
		w.sendAll(100)
		d.sync()
		j := runJournal(t, persistent)
		f := follow(t, j, Match{}, nil)
		resting := j.Reader(Equal("WRITER", "a"))
		defer resting.Close()
		if !resting.Next() {
			t.Fatal("no entry")
		}
		if _, err := resting.AppendExport(nil); err != nil {
			t.Fatal(err)
		}
		for range number(t, "DAYTWO_JOURNAL_VACUUMS", 10) {
			w.sendAll(20)
			d.sync()
			waitFor(t, "a round's lines", 10*time.Second, func() bool { return len(f.got()) == w.n-100 })
			if out, err := exec.Command("journalctl", "--rotate", "--vacuum-files=1").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		waitFor(t, "no deleted file is open", 5*time.Second, func() bool { return len(mapsOfDeleted(t)) == 0 })
		wantAll(t, append(hundred("a"), f.got()...), map[string]int{"a": w.n})
		if errs := f.errors(); len(errs) > 0 {
			t.Error(errs)
		}
		var lost LostError
		for _, err := range resting.Errors() {
			var l *LostError
			if errors.As(err, &l) {
				lost.Entries += l.Entries
			} else {
				t.Error(err)
			}
		}
		// It had not read 99 lines of the first round and 20 of each other; journald
		// wrote some lines of its own, and the last file is left.
		t.Logf("%d entries were said to be lost of %d lines", lost.Entries, w.n)
		if n := uint64(w.n - 1 - 2*20); lost.Entries < n || lost.Entries > n+100 {
			t.Errorf("%d entries were said to be lost, want %d or some more", lost.Entries, n)
		}
		w.sendAll(1)
		waitFor(t, "the resting reader goes on", 5*time.Second, resting.Next)
	})
}

func hundred(writer string) (all []line) {
	for i := range 100 {
		all = append(all, line{writer: writer, number: i + 1})
	}
	return all
}

// journald is killed in mid-write, and its file is left as it was: what was
// written is read once, and nothing else.
func TestJournaldKilled(t *testing.T) {
	withJournald(t, func(t *testing.T) {
		d := startJournald(t, "")
		j := runJournal(t, persistent)
		f := follow(t, j, Match{}, nil)
		for round := range 5 {
			w := d.writer(string(rune('a'+round)), uint32(1000*(round%2)))
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for ctx.Err() == nil && w.send() == nil {
				}
			}()
			time.Sleep(200 * time.Millisecond)
			d.process.Signal(syscall.SIGKILL)
			<-d.process.Ended()
			<-ended
			cancel()
			d.start()
		}
		d.writer("end", 0).sendAll(1)
		d.sync()
		waitFor(t, "the last line", 10*time.Second, func() bool {
			got := f.got()
			return len(got) > 0 && got[len(got)-1].writer == "end"
		})
		unclean, _ := filepath.Glob(persistent + "/*/*.journal~")
		t.Logf("%d lines, %d files that were not closed", len(f.got()), len(unclean))
		if len(unclean) == 0 {
			t.Error("no file was left unclean")
		}
		all := j.Reader(Match{})
		defer all.Close()
		var want follower
		for all.Next() {
			want.take(all)
		}
		byWriter := map[string]int{}
		for _, l := range want.lines {
			byWriter[l.writer]++
		}
		wantAll(t, f.got(), byWriter)
		for _, err := range append(f.errors(), all.Errors()...) {
			t.Error(err)
		}
	})
}

// A journal of /run is moved to /var while it is followed: no line comes twice,
// none is lost, and none is said to be.
func TestFlushWhileFollowing(t *testing.T) {
	withJournald(t, func(t *testing.T) {
		d := &journald{t: t}
		d.start() // it writes to /run until it is told to flush
		a, b := d.writer("a", 0), d.writer("b", 1000)
		a.sendAll(200)
		d.sync()
		j := runJournal(t, volatile, persistent)
		f := follow(t, j, Match{}, nil)
		slow := j.Reader(Equal("WRITER", "a")) // stays behind, at the hundredth line
		defer slow.Close()
		for range 100 {
			if !slow.Next() {
				t.Fatal("less than 100 lines")
			}
		}
		if _, err := slow.AppendExport(nil); err != nil {
			t.Fatal(err)
		}
		n := liveLines(t) / 2
		var writers sync.WaitGroup
		writers.Go(func() { a.sendAll(n) })
		writers.Go(func() { b.sendAll(n) })
		time.Sleep(100 * time.Millisecond)
		d.process.Signal(syscall.SIGUSR1)
		writers.Wait()
		d.sync()
		waitFor(t, "the flush", 10*time.Second, func() bool {
			in, _ := filepath.Glob(volatile + "/*/*.journal")
			return len(in) == 0
		})
		waitFor(t, "all lines", 30*time.Second, func() bool { return len(f.got()) >= 2*n })
		time.Sleep(50 * time.Millisecond)
		got := f.got()
		wantAll(t, append(append(hundred("a"), numbered("a", 101, 200)...), got...), map[string]int{"a": n + 200, "b": n})
		if errs := f.errors(); len(errs) > 0 {
			t.Error(errs)
		}
		rest := numbered("a", 1, 100)
		for slow.Next() {
			var s follower
			s.take(slow)
			rest = append(rest, s.lines...)
		}
		wantAll(t, rest, map[string]int{"a": n + 200})
		if errs := slow.Errors(); len(errs) > 0 {
			t.Error(errs)
		}
	})
}

func numbered(writer string, from, to int) (all []line) {
	for i := from; i <= to; i++ {
		all = append(all, line{writer: writer, number: i})
	}
	return all
}

// The journals of namespaces are read with the others, say which they are of, and
// can be selected.
func TestNamespaces(t *testing.T) {
	withJournald(t, func(t *testing.T) {
		j := runJournal(t, volatile, persistent)
		all, shop := follow(t, j, Match{}, nil), follow(t, j, Equal("_NAMESPACE", "shop"), nil)
		startJournald(t, "").writer("main", 0).sendAll(10)
		startJournald(t, "shop").writer("shop", 0).sendAll(10)
		waitFor(t, "all lines", 10*time.Second, func() bool { return len(all.got()) == 20 && len(shop.got()) == 10 })
		wantAll(t, all.got(), map[string]int{"main": 10, "shop": 10})
		wantAll(t, shop.got(), map[string]int{"shop": 10})
		for _, l := range all.got() {
			if want := map[string]string{"main": "", "shop": "shop"}[l.writer]; l.namespace != want {
				t.Errorf("an entry of %s says namespace %q", l.writer, l.namespace)
			}
		}
	})
}

// A directory that is removed and made again is seen again at once.
func TestDirectoryMadeAgain(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "journal")
	w := newFileWriter(t, fileFormats[5], ID{1})
	w.add(newEntryMaker(1).next())
	b := w.bytes()
	j := runJournal(t, dir)
	r := j.Reader(Match{})
	defer r.Close()
	for range 3 {
		machine := filepath.Join(dir, "0123456789abcdef0123456789abcdef")
		if err := os.MkdirAll(machine, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(machine, "system.journal"), b)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // listing alone would take two
		begin := time.Now()
		for r.SeekHead(); !r.Next(); {
			if err := r.Wait(ctx); err != nil {
				t.Fatalf("after %v: %v", time.Since(begin), err)
			}
		}
		cancel()
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 30*time.Second)
		for r.SeekHead(); r.Next(); r.SeekHead() {
			if err := r.Wait(ctx); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
	}
}

// A journal of /run is moved to files of /var that an earlier journald left there: the
// copies of entries that were read are not shown again.
func TestFlushToFormerFiles(t *testing.T) {
	withJournald(t, func(t *testing.T) {
		d := startJournald(t, "")
		a, b := d.writer("a", 0), d.writer("b", 1000)
		a.sendAll(10)
		b.sendAll(10)
		d.sync()
		d.process.Signal(syscall.SIGTERM)
		<-d.process.Ended()
		a.close()
		b.close()
		if err := os.Remove("/run/systemd/journal/flushed"); err != nil {
			t.Fatal(err)
		}
		d.start() // it writes to /run
		a.sendAll(100)
		d.sync()
		j := runJournal(t, volatile, persistent)
		f := follow(t, j, Match{}, nil)
		slow := j.Reader(Equal("WRITER", "a"))
		defer slow.Close()
		for range 50 {
			if !slow.Next() {
				t.Fatal("less than 50 lines")
			}
		}
		if _, err := slow.AppendExport(nil); err != nil {
			t.Fatal(err)
		}
		a.sendAll(100)
		b.sendAll(100)
		d.sync()
		waitFor(t, "lines of /run", 10*time.Second, func() bool { return len(f.got()) == 200 })
		d.process.Signal(syscall.SIGUSR1)
		a.sendAll(100)
		b.sendAll(100)
		d.sync()
		waitFor(t, "the flush", 10*time.Second, func() bool {
			in, _ := filepath.Glob(volatile + "/*/*.journal")
			return len(in) == 0
		})
		waitFor(t, "all lines", 30*time.Second, func() bool { return len(f.got()) >= 400 })
		time.Sleep(50 * time.Millisecond)
		before := append(numbered("a", 1, 110), numbered("b", 1, 10)...)
		wantAll(t, append(before, f.got()...), map[string]int{"a": 310, "b": 210})
		rest := numbered("a", 1, 50)
		for slow.Next() {
			var s follower
			s.take(slow)
			rest = append(rest, s.lines...)
		}
		wantAll(t, rest, map[string]int{"a": 310})
		for _, err := range append(f.errors(), slow.Errors()...) {
			t.Error(err)
		}
	})
}
