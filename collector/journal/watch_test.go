package journal

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// watchedJournal opens a directory with one file, and runs without a look at directories that
// no event has asked for. made puts another file there.
func watchedJournal(t testing.TB) (r *Reader, made func(name string)) {
	dir, ready := t.TempDir(), filepath.Join(t.TempDir(), "next.journal")
	lineFile(t, filepath.Join(dir, "a.journal"), fileFormats[6], 10)
	j := Open(Options{Dirs: []string{dir}, Log: discard})
	j.rescanEvery = time.Hour
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	r = j.Reader(Match{})
	r.SeekTail()
	r.isNews() // goes there now
	t.Cleanup(func() {
		r.Close()
		cancel()
		<-ended
		j.Close()
	})
	id := byte(1)
	return r, func(name string) { // its entries are news to the reader, of another journald
		t.Helper()
		id++
		w, m := newFileWriter(t, fileFormats[6], ID{id}), newEntryMaker(uint64(id))
		m.realtime, m.steady = uint64(time.Now().UnixMicro()), true
		w.add(m.next())
		copy(w.b[headFileID:headFileID+16], slices.Repeat([]byte{id}, 16))
		w.save(ready)
		if err := os.Rename(ready, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// Who waits is woken by the event that a file was made, not by a look now and then.
func TestNewFileWakes(t *testing.T) {
	r, made := watchedJournal(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, name := range []string{"b.journal", "c.journal", "user-1000.journal"} {
		news := make(chan error, 1)
		go func() { news <- r.Wait(ctx) }()
		made(name)
		if err := <-news; err != nil {
			t.Fatalf("nobody was told of %s: %v", name, err)
		}
		n := 0
		for r.Next() {
			n++
		}
		if n != 1 {
			t.Fatalf("%d entries of %s, want 1", n, name)
		}
	}
}
