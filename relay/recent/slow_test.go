package recent

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
)

// within fails if do takes longer than limit.
func within(t *testing.T, limit time.Duration, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("%s: no answer after %v", what, limit)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// slowWorld returns a world on a disk that can hang. Its older frames are on disk only.
func slowWorld(t *testing.T, o Options) (*world, *rig.SlowDisk) {
	t.Helper()
	disk := rig.NewSlowDisk(t)
	o.Dir = disk.Dir
	o.MemoryFor, o.SegmentFor, o.DiskFor = 30*time.Second, 10*time.Second, 5*time.Minute
	w := newWorld(t, o, load.NodeOptions{Containers: 5, KeyEvery: 20})
	w.ticks(100)
	w.tidy()
	w.check(0)
	t.Cleanup(func() { // before the file system is unmounted
		disk.Resume()
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return w, disk
}

// While the disk does not respond, frames are stored in memory and queries find them
// there. Frames that wait for the disk are counted, and stored is not called for them.
func TestDiskHangs(t *testing.T) {
	w, disk := slowWorld(t, Options{StallAfter: time.Hour, ReadWait: 100 * time.Millisecond})
	disk.Hang()
	var stored atomic.Int64
	before := w.node.Batch.Time
	for range 60 { // six segments' worth
		parts := w.next()
		w.expect()
		for _, p := range parts {
			within(t, 5*time.Second, "Append", func() {
				if err := appendStored(w.store, p, func() { stored.Add(1) }); err != nil {
					t.Error(err)
				}
			})
		}
		within(t, 5*time.Second, "Tidy", w.store.Tidy)
	}
	within(t, 5*time.Second, "Stats", func() {
		if st := w.store.Stats(); st.Pending != 60 || st.PendingBytes == 0 || st.Unwritten != 0 || st.DiskFailing {
			t.Errorf("%+v", st)
		}
	})
	within(t, 5*time.Second, "Query of what is in memory", func() {
		q := all()
		q.Start = before + 1
		got := w.query(q)
		if len(got) != 6 || len(got[0].Times) != 60 {
			t.Errorf("%d series", len(got))
		}
		if err := compare(got, w.want, before+1); err != nil {
			t.Error(err)
		}
	})
	within(t, 5*time.Second, "Tick", func() {
		if _, _, err := w.store.Tick("node-1", w.node.Batch.Boot, w.node.Batch.Seq); err != nil {
			t.Error(err)
		}
	})
	within(t, 10*time.Second, "Query of what is on disk too", func() {
		if err := compare(w.query(all()), w.want, before+1); err != nil {
			t.Error(err)
		}
	})
	within(t, 5*time.Second, "Tick on disk", func() {
		if _, _, err := w.store.Tick("node-1", w.node.Batch.Boot, 1); !errors.Is(err, errSlowDisk) {
			t.Errorf("%v", err)
		}
	})
	if n := stored.Load(); n != 0 {
		t.Errorf("stored was called for %d frames", n)
	}
	disk.Resume()
	eventually(t, "all stored", func() bool { return stored.Load() == 60 })
	w.store.reads.until.Store(0)
	w.check(0)
	w.tidy()
	w.check(0)
	if st := w.stats(); st.Unwritten != 0 || st.Pending != 0 || st.PendingBytes != 0 || st.DiskFrames < 160 {
		t.Errorf("%+v", st)
	}
}

// The pending frames are bounded in bytes. Beyond the bound, Append returns ErrBusy and
// changes nothing.
func TestPendingIsBounded(t *testing.T) {
	const bound = 100_000
	w, disk := slowWorld(t, Options{StallAfter: time.Hour, Pending: bound})
	disk.Hang()
	parts := w.next()
	for taken := 0; appendStored(w.store, parts[0], nil) == nil; taken += len(parts[0]) {
		if taken > 2*bound {
			t.Fatalf("%d bytes are taken, %d may wait", taken, bound)
		}
		w.expect()
		if st := w.store.Stats(); st.PendingBytes > bound {
			t.Fatalf("%d bytes wait", st.PendingBytes)
		}
		parts = w.next()
	}
	if err := appendStored(w.store, parts[0], nil); !errors.Is(err, ErrBusy) {
		t.Fatal(err)
	}
	if st := w.store.Stats(); st.PendingBytes < bound/2 {
		t.Errorf("busy with %d bytes", st.PendingBytes)
	}
	disk.Resume()
	written(t, w.store)
	w.append(parts)
	w.expect()
	w.check(0)
	if n := w.store.Gaps("node-1"); n != 0 {
		t.Errorf("%d gaps", n)
	}
}

// A disk that does not respond for StallAfter counts as failed: frames are kept in
// memory only, and counted. When it responds, it is used again.
func TestDiskStalls(t *testing.T) {
	w, disk := slowWorld(t, Options{StallAfter: 300 * time.Millisecond, ReadWait: 100 * time.Millisecond})
	disk.Hang()
	var stored atomic.Int64
	store := func() {
		for _, p := range w.next() {
			if err := appendStored(w.store, p, func() { stored.Add(1) }); err != nil {
				t.Fatal(err)
			}
		}
		w.expect()
	}
	for range 10 {
		store()
	}
	eventually(t, "the stall", func() bool { return w.store.Stats().DiskFailing })
	for range 10 {
		store()
	}
	eventually(t, "all given up", func() bool { return stored.Load() == 20 })
	if st := w.store.Stats(); st.Stalls != 1 || st.Unwritten != 20 || st.Pending != 0 || st.PendingBytes != 0 {
		t.Errorf("%+v", st)
	}
	disk.Resume()
	eventually(t, "the disk back", func() bool { return !w.store.Stats().DiskFailing })
	for range 10 {
		store()
	}
	written(t, w.store)
	if st := w.stats(); st.Unwritten != 20 || st.DiskFrames < 110 || stored.Load() != 30 {
		t.Errorf("%+v, %d stored", st, stored.Load())
	}
	w.store.reads.until.Store(0)
	w.check(0)
}

// For a duplicate whose first copy waits for the disk, stored is called after that of the
// first copy.
func TestDuplicateWaits(t *testing.T) {
	w, disk := slowWorld(t, Options{StallAfter: time.Hour})
	disk.Hang()
	parts := w.next()
	var first, second atomic.Bool
	if err := appendStored(w.store, parts[0], func() { first.Store(true) }); err != nil {
		t.Fatal(err)
	}
	if err := appendStored(w.store, parts[0], func() {
		if !first.Load() {
			t.Error("stored was called for the duplicate first")
		}
		second.Store(true)
	}); !errors.Is(err, ErrDuplicate) {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	if first.Load() || second.Load() {
		t.Error("stored was called while the disk hangs")
	}
	disk.Resume()
	eventually(t, "both", func() bool { return first.Load() && second.Load() })
	if err := appendStored(w.store, parts[0], func() { second.Store(false) }); !errors.Is(err, ErrDuplicate) ||
		second.Load() {
		t.Errorf("a duplicate of what is on disk: %v, %v", err, second.Load())
	}
}

// A delta whose keyframe is on a disk that does not respond is rejected as an orphan.
func TestKeyframeOnSlowDisk(t *testing.T) {
	w, disk := slowWorld(t, Options{StallAfter: time.Hour, ReadWait: 100 * time.Millisecond})
	w.ticks(5)
	w.reopen() // their keyframe is on disk only
	disk.Hang()
	parts := w.next()
	within(t, 5*time.Second, "Append", func() {
		if err := appendStored(w.store, parts[0], nil); !errors.Is(err, ErrOrphan) {
			t.Errorf("%v", err)
		}
	})
	disk.Resume()
}

// Close returns an error if the disk does not respond.
func TestCloseOnSlowDisk(t *testing.T) {
	w, disk := slowWorld(t, Options{StallAfter: 300 * time.Millisecond})
	disk.Hang()
	w.append(w.next())
	within(t, 5*time.Second, "Close", func() {
		if err := w.store.Close(); err == nil {
			t.Error("closed")
		}
	})
}
