package journal

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/bounded"
)

// heldDir returns what Bad says of a directory that does not respond, nil if it says nothing.
func heldDir(j *Journal, dir string) error {
	for _, err := range j.Bad() {
		var file *FileError
		if errors.As(err, &file) && file.Path == dir && errors.Is(err, ErrHeld) {
			return err
		}
	}
	return nil
}

func count(j *Journal) (n int) {
	r := j.Reader(Match{})
	defer r.Close()
	for r.Next() {
		n++
	}
	return n
}

// A directory on a filesystem whose server is gone delays nobody but the first look, and
// files in other directories are read, also those that come later.
func TestDirectoryHangs(t *testing.T) { rig.InNamespaces(t, rig.Mount|rig.PID, directoryHangs) }

func directoryHangs(t *testing.T) {
	fuse, good := rig.MountFuse(t, rig.FuseOpendir), t.TempDir()
	lineFile(t, filepath.Join(good, "a.journal"), fileFormats[6], 10)
	began := time.Now()
	j := runJournal(t, fuse.Dir, good)
	if took := time.Since(began); took < lookWait || took > lookWait+5*time.Second {
		t.Errorf("opened after %v, want a little more than %v", took, lookWait)
	}
	if heldDir(j, fuse.Dir) == nil {
		t.Errorf("it is not said that %s does not respond: %v", fuse.Dir, j.Bad())
	}
	if n := count(j); n != 10 {
		t.Errorf("%d entries, want 10", n)
	}
	began = time.Now()
	j.Refresh()
	if took := time.Since(began); took > lookWait/2 {
		t.Errorf("the second look took %v", took)
	}
	if fuse.Waiting() != 1 {
		t.Errorf("%d calls wait for the filesystem, want 1", fuse.Waiting())
	}
	lineFile(t, filepath.Join(good, "b.journal"), fileFormats[0], 7)
	waitFor(t, "the new file", 4*rescanEvery, func() bool { return j.Len() == 2 })
	fuse.Revive()
	waitFor(t, "the directory to respond", 4*rescanEvery, func() bool { return heldDir(j, fuse.Dir) == nil })
}

// Files of a directory that stops to respond stay with those who read them, are left out
// by whoever begins then, and are read again once it responds. The second file has the
// first seven entries of the first one.
func TestDirectoryStopsToRespond(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	lineFile(t, filepath.Join(one, "a.journal"), fileFormats[6], 10)
	lineFile(t, filepath.Join(two, "b.journal"), fileFormats[0], 7)
	live := fileFormats[6]
	live.state = stateOnline
	w := newFileWriter(t, live, ID{7})
	e := newEntryMaker(1).next()
	e.fields = append(e.fields, "ONLY_HERE=1")
	w.add(e)
	w.save(filepath.Join(one, "live.journal"))
	calls := bounded.NewSet(discard).Source("journal", 3, nil)
	j := Open(Options{Dirs: []string{one, two}, Calls: calls, Log: discard})
	defer j.Close()
	if len(j.live) != 3 {
		t.Fatalf("%d live files", len(j.live))
	}
	before := j.Reader(Match{})
	defer before.Close()
	release := make(chan struct{})
	_, err := bounded.Do(calls, one, 0, func() (*listing, error) {
		<-release
		return nil, errors.New("the server came back")
	})
	if !errors.Is(err, bounded.ErrHeld) {
		t.Fatal(err)
	}
	j.Refresh()
	if len(j.live) != 1 || !isIn(j.live[0].Path(), two) {
		t.Errorf("%d live files are looked at", len(j.live))
	}
	if heldDir(j, one) == nil || j.Len() != 1 || count(j) != 7 {
		t.Errorf("%d entries of %d files, %v: want 7 of 1", count(j), j.Len(), j.Bad())
	}
	if names, _ := j.FieldNames(); len(names) == 0 || slices.Contains(names, "ONLY_HERE") {
		t.Errorf("fields %q, want those of the directory that responds", names)
	}
	n := 0
	for before.Next() {
		n++
	}
	if n != 11 {
		t.Errorf("who read before has %d entries, want 11", n)
	}
	close(release)
	waitFor(t, "the directory to respond", 5*time.Second, func() bool { j.Refresh(); return heldDir(j, one) == nil })
	if count(j) != 11 || j.Len() != 3 || len(j.live) != 3 {
		t.Errorf("%d entries of %d files afterwards, %d live: want 11 of 3, 3", count(j), j.Len(), len(j.live))
	}
}

// What a look finds that returns too late is used by the next one, and closed if there is none.
func TestLateLook(t *testing.T) {
	dir := t.TempDir()
	lineFile(t, filepath.Join(dir, "a.journal"), fileFormats[6], 10)
	j := Open(Options{Dirs: []string{t.TempDir()}, Log: discard})
	defer j.Close()
	l := j.look(dir, nil)
	if len(l.files) != 1 || len(l.opened) != 1 {
		t.Fatalf("%+v", l)
	}
	var file *File
	for f := range l.opened {
		file = f
	}
	if err := l.Close(); err != nil || file.acquire() {
		t.Errorf("the file is open: %v", err)
	}
	if file.stays(filepath.Join(dir, "a.journal"), 1) {
		t.Error("a file that is closed stays")
	}
}

// A look that was made for a journal which is closed by now, and returns too late, brings
// none of its files.
func TestLookForAClosedJournal(t *testing.T) {
	dir := t.TempDir()
	lineFile(t, filepath.Join(dir, "a.journal"), fileFormats[6], 10)
	calls := bounded.NewSet(discard).Source("journal", 3, nil)
	o := Options{Dirs: []string{dir}, Calls: calls, Log: discard}
	closed := Open(o)
	late := closed.look(dir, closed.files)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	release, released := make(chan struct{}), make(chan struct{})
	_, _ = bounded.Do(calls, dir, 0, func() (*listing, error) {
		defer close(released)
		<-release
		return late, nil
	})
	close(release)
	<-released
	time.Sleep(10 * time.Millisecond) // until the call is known to have returned
	j := Open(o)
	defer j.Close()
	if j.Len() != 0 {
		t.Error("it has a file that is closed")
	}
	if j.Refresh(); j.Len() != 1 || count(j) != 10 {
		t.Errorf("%d entries of %d files", count(j), j.Len())
	}
}

// What is called as a journal file and is none is not opened: a FIFO, a device, a directory.
func TestNotRegularFiles(t *testing.T) {
	rig.NeedRoot(t, "making a device")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name+".journal") }
	for _, err := range []error{
		unix.Mkfifo(at("fifo"), 0o600), unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600),
		unix.Mknod(at("null"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))),
		os.Symlink("/dev/zero", at("zero")), os.Symlink(at("loop"), at("loop")), os.Mkdir(at("dir"), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	lineFile(t, at("good"), fileFormats[6], 10)
	j := Open(Options{Dirs: []string{dir, filepath.Join(dir, "fifo"), "/dev/null"}, Log: discard})
	defer j.Close()
	refused := 0
	for _, err := range j.Bad() {
		if errors.Is(err, errNotRegular) {
			refused++
		}
	}
	if refused != 3 || len(j.Bad()) != 6 || count(j) != 10 {
		t.Errorf("%d refused as no regular files, want 3; %d entries; %v", refused, count(j), j.Bad())
	}
}

// A filesystem whose server goes away once files of it are open holds neither the process,
// whose garbage is collected, nor a reader: that one has all other files, is told, and goes
// on in the file once the server is back.
func TestFileHangs(t *testing.T) { rig.InNamespaces(t, rig.Mount|rig.PID, fileHangs) }

func fileHangs(t *testing.T) {
	large, good := filepath.Join(t.TempDir(), "a@1.journal"), t.TempDir()
	lineFile(t, large, fileFormats[3], 20_000)
	text, err := os.ReadFile(large)
	if err != nil {
		t.Fatal(err)
	}
	fuse := rig.MountFuseFile(t, "a@1.journal", text)
	w, m := newFileWriter(t, fileFormats[5], ID{2}), newEntryMaker(2)
	for range 7 {
		w.add(m.next())
	}
	w.save(filepath.Join(good, "b@1.journal"))
	j := Open(Options{Dirs: []string{fuse.Dir, good}, Log: discard})
	defer j.Close()
	if j.Len() != 2 {
		t.Fatalf("%d files are open: %v", j.Len(), j.Bad())
	}
	fuse.Die()
	first := j.Reader(Match{})
	defer first.Close()
	began := time.Now()
	n := len(numbers(first, 1000))
	runtime.GC()
	if took := time.Since(began); n != 7 || took > 2*lookWait+5*time.Second { // for a page, and for the directory
		t.Errorf("%d entries after %v, want 7", n, took)
	}
	if errs := first.Errors(); len(errs) != 1 || !errors.Is(errs[0], ErrHeld) {
		t.Errorf("the reader is told %v", errs)
	}
	began = time.Now()
	if n, took := count(j), time.Since(began); n != 7 || took > lookWait/2 {
		t.Errorf("another reader has %d entries after %v", n, took)
	}
	fuse.Revive()
	waitFor(t, "the file to be read again", 4*lookWait, func() bool { return first.Next() })
	if got := 1 + len(numbers(first, 1<<20)); got != 20_000 {
		t.Errorf("%d entries once it responds", got)
	}
	if errs := first.Errors(); len(errs) > 0 {
		t.Error(errs)
	}
}
