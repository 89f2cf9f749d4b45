package journal

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// testWriters looks for processes that write to a journal until the test ends.
func testWriters(t *testing.T, j *Journal) *writers {
	w := newWriters(discard, j.has)
	t.Cleanup(w.close)
	return w
}

// The processes of journald are found, told of while they are listened to, and forgotten
// when they end; the next one is found soon.
func TestWriters(t *testing.T) {
	withJournald(t, func(t *testing.T) {
		now := time.Now()
		j := Open(Options{Dirs: []string{persistent}, Log: discard})
		defer j.Close()
		w := testWriters(t, j)
		if w.look(now); w.known(now) {
			t.Fatal("there is none yet")
		}
		d, shop := startJournald(t, ""), startJournald(t, "shop")
		if w.look(now) {
			t.Error("looked again at once")
		}
		for _, d := range []*journald{d, shop} { // they have their files now
			d.writer("first", 0).sendAll(1)
			d.sync()
		}
		if w.lookSoon(); w.look(now) {
			t.Error("files that are not the journal's have writers")
		}
		j.Refresh()
		if w.lookSoon(); !w.look(now) || !w.known(now) || len(w.counters) != 2 {
			t.Fatalf("found %d", len(w.counters))
		}
		if n, err := j.Told(); n != 2 || err != nil {
			t.Errorf("told of %d: %v", n, err)
		}
		w.listen(true)
		d.writer("a", 0).sendAll(1)
		receive(t, w.rested)
		shop.writer("b", 0).sendAll(1)
		receive(t, w.rested)

		d.process.Kill()
		receive(t, w.ended)
		if w.forget(now); w.known(now) || len(w.counters) != 1 {
			t.Error("the other one may have a successor that is not known yet")
		}
		if !w.known(now.Add(comesAfter + 1)) {
			t.Error("it has none after a while")
		}
		d.start()
		d.writer("b", 0).sendAll(1)
		d.sync()
		waitFor(t, "the one that was started again", 10*time.Second, func() bool {
			j.Refresh() // it has made a new file
			return w.look(time.Now())
		})
		if !w.known(now) || len(w.counters) != 2 {
			t.Errorf("found %d after one was started again", len(w.counters))
		}
		other := Open(Options{Dirs: []string{persistent + "/none"}, Log: discard})
		defer other.Close()
		if w := testWriters(t, other); w.look(now) {
			t.Error("processes write to files that are not of the journal")
		}
		now = time.Now()
		if w.miss(now); w.known(now) || !w.known(now.Add(missedFor+1)) {
			t.Error("somebody wrote who is not known")
		}
	})
}

func receive(t *testing.T, c chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was told")
	}
}

// What journald tells of late is not taken for what somebody else writes: it has rested
// since, in the midst of an entry too.
func TestToldLate(t *testing.T) {
	w := newFileWriter(t, fileFormats[6], ID{9})
	m := newEntryMaker(1)
	w.add(m.next())
	path := filepath.Join(t.TempDir(), "system.journal")
	w.save(path)
	j := Open(Options{Dirs: []string{filepath.Dir(path)}, Log: discard})
	defer j.Close()
	r := &runner{j: j, writers: testWriters(t, j), timer: time.NewTimer(time.Hour)}
	now := time.Now()
	if !r.changed(j.written(), now) || !r.again {
		t.Fatal("there is an entry, which is looked for once more")
	}
	if r.told(now); r.stranger {
		t.Error("a writer that is listened to was taken for another one")
	}
	w.add(m.next())
	w.save(path)
	j.Refresh()
	if r.told(now); !r.stranger {
		t.Error("somebody else wrote an entry")
	}
}

// What is written to a file without any notice, as on another machine, beside a journald
// that is listened to, is found after two seconds, and from then on soon.
func TestWrittenUntold(t *testing.T) {
	withJournald(t, func(t *testing.T) {
		d := startJournald(t, "")
		d.writer("first", 0).sendAll(1)
		d.sync() // it has made the directory
		w := newFileWriter(t, fileFormats[6], ID{9})
		w.add(newEntryMaker(1).next())
		path := filepath.Join(persistent, "untold.journal")
		w.save(path)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		mapped, err := unix.Mmap(int(f.Fd()), 0, headMinimum, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Munmap(mapped)
		j := runJournal(t, persistent)
		j.waiting.Add(1)
		j.asked <- struct{}{}
		const n = 10
		var took []time.Duration
		for range n {
			time.Sleep(300 * time.Millisecond)
			j.mu.Lock()
			news := j.news
			j.mu.Unlock()
			le.PutUint64(mapped[headEntries:], le.Uint64(mapped[headEntries:])+1)
			start := time.Now()
			receive(t, news)
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		t.Logf("half within %v", took[n/2])
		if took[n/2] > 300*time.Millisecond {
			t.Errorf("half of the entries took more than %v", took[n/2])
		}
	})
}

// A program that is not known to write journal files, beside a journald that is, is seen
// once it tells of that, and without delay from then on.
func TestFollowStranger(t *testing.T) {
	withJournald(t, func(t *testing.T) {
		startJournald(t, "")
		program, err := os.ReadFile(journaldProgram)
		if err != nil {
			t.Fatal(err)
		}
		stranger := filepath.Join(t.TempDir(), "stranger")
		if err := os.WriteFile(stranger, program, 0o700); err != nil {
			t.Fatal(err)
		}
		d := &journald{t: t, namespace: "shop", program: stranger}
		d.start()
		d.writer("first", 0).sendAll(1)
		d.sync()
		j := runJournal(t, persistent)
		f := follow(t, j, Equal("WRITER", "s"), nil)
		time.Sleep(2 * idleAfter)
		const n = 100
		w := d.writer("s", 0)
		for range n {
			w.sendAll(1)
			time.Sleep(20 * time.Millisecond)
		}
		waitFor(t, "all lines", 5*time.Second, func() bool { return len(f.got()) == n })
		var took []time.Duration
		for _, l := range f.got() {
			took = append(took, time.Duration(l.arrived-l.sent))
		}
		first := took[0]
		slices.Sort(took)
		t.Logf("the first line after %v, half within %v, 99%% within %v", first, took[n/2], took[n*99/100])
		if took[n/2] > 100*time.Millisecond {
			t.Errorf("half of the lines took more than %v", took[n/2])
		}
		wantAll(t, f.got(), map[string]int{"s": n})
	})
}
