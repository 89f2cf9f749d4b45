package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// sequence writes the files of one journald, entry by entry, in place.
type sequence struct {
	t     testing.TB
	dir   string
	m     *entryMaker
	id    ID
	files map[string]*fileWriter
}

func newSequence(t testing.TB, dir string, id ID, seed uint64) *sequence {
	s := &sequence{t: t, dir: dir, m: newEntryMaker(seed), id: id, files: map[string]*fileWriter{}}
	s.m.rare = 1 << 30
	return s
}

// liveItems is how many entries an array has room for.
const liveItems = 1024

// put appends the next entry to a file, which is made with it.
func (s *sequence) put(name string, fields ...string) {
	s.t.Helper()
	w := s.file(name)
	e := s.m.next()
	e.fields = append([]string{"_BOOT_ID=" + e.boot.String(), fmt.Sprintf("MESSAGE=line %d", e.seqnum)}, fields...)
	w.add(e)
	at := w.offsets[len(w.offsets)-1]
	n := uint64(len(w.offsets))
	le.PutUint32(w.b[le.Uint64(w.b[headEntryArray:])+arrayItems+4*(n-1):], uint32(at))
	for _, f := range e.fields {
		data := w.data[f]
		n := le.Uint64(w.b[data+dataEntriesAt:])
		switch n {
		case 0:
			le.PutUint64(w.b[data+dataEntryAt:], at)
		case 1:
			array := w.array()
			le.PutUint64(w.b[data+dataEntryArrayAt:], array)
			fallthrough
		default:
			le.PutUint32(w.b[le.Uint64(w.b[data+dataEntryArrayAt:])+arrayItems+4*(n-1):], uint32(at))
		}
		le.PutUint64(w.b[data+dataEntriesAt:], n+1)
	}
	tail := w.object(objectTag, 0, make([]byte, 48))
	le.PutUint64(w.b[headTailObject:], tail)
	le.PutUint64(w.b[headObjects:], w.objects)
	le.PutUint64(w.b[headEntries:], n)
	le.PutUint64(w.b[headHeadSeqnum:], w.entries[0].seqnum)
	le.PutUint64(w.b[headTailSeqnum:], e.seqnum)
	le.PutUint64(w.b[headArenaSize:], uint64(len(w.b)-w.f.headerSize))
	s.save(name)
}

// file returns a file, which is made if it is not there.
func (s *sequence) file(name string) *fileWriter {
	w := s.files[name]
	if w == nil {
		w = newFileWriter(s.t, fileFormat{"", flagCompact, 272, stateOnline}, s.id)
		copy(w.b[headFileID:headFileID+15], fmt.Sprintf("%c%15s", s.id[0], name))
		array := w.array()
		le.PutUint64(w.b[headEntryArray:], array)
		s.files[name] = w
		s.save(name)
	}
	return w
}

// array appends an array of entries with room.
func (w *fileWriter) array() uint64 {
	return w.object(objectEntryArray, 0, make([]byte, arrayItems-objectHeader+arrayItemCompact*liveItems))
}

// save writes a file as it is by now, in place.
func (s *sequence) save(name string) {
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(s.files[name].b, 0); err != nil {
		s.t.Fatal(err)
	}
}

// archive gives a file the name and the state that it has after a rotation.
func (s *sequence) archive(name, as string) {
	s.t.Helper()
	s.files[name].b[headState] = stateArchived
	s.save(name)
	if err := os.Rename(filepath.Join(s.dir, name), filepath.Join(s.dir, as)); err != nil {
		s.t.Fatal(err)
	}
	delete(s.files, name)
}

const info = "PRIORITY=6"

// settled waits until a change of a directory can be told from the one before.
func settled() { time.Sleep(2 * clockStep) }

func numbers(r *Reader, n int) (all []uint64) {
	for len(all) < n && r.Next() {
		all = append(all, r.e.seqnum)
	}
	return all
}

func wantNumbers(t *testing.T, what string, got []uint64, want ...uint64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// journald writes to a file that it has just made, and then to one that is known: the
// entries come in their order, although nobody was told of the new file yet.
func TestFileMadeBetween(t *testing.T) {
	for name, m := range map[string]Match{"all": {}, "matching": Equal("PRIORITY", "6")} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := newSequence(t, dir, ID{1}, 1)
			s.put("system.journal", info)
			s.put("system.journal", info)
			settled()
			j := openDir(t, dir)
			head, tail := j.Reader(m), j.Reader(m)
			defer head.Close()
			defer tail.Close()
			tail.SeekTail()
			tail.isNews()
			wantNumbers(t, "before", numbers(head, 9), 1, 2)
			s.put("user-1000.journal", info)
			s.put("system.journal", info)
			s.put("user-1001.journal", info) // at the very time when the directory changed last
			s.put("system.journal", info)
			wantNumbers(t, "from the head", numbers(head, 9), 3, 4, 5, 6)
			wantNumbers(t, "from the tail", numbers(tail, 9), 3, 4, 5, 6)
			for n := uint64(1); n <= 6; n++ {
				settled()
				r := j.Reader(m)
				for r.Next() && r.e.seqnum < n {
				}
				at := r.Cursor()
				r.Close()
				s.put(fmt.Sprintf("user-%d.journal", 2000+n), info)
				s.put("system.journal", info)
				r = j.Reader(m)
				r.SeekAfter(at)
				var want []uint64
				for i := n + 1; i <= 6+2*n; i++ {
					want = append(want, i)
				}
				wantNumbers(t, fmt.Sprint("after ", n), numbers(r, 99), want...)
				r.Close()
			}
		})
	}
}

// journald writes while the tail is sought: what comes is in order, and its cursors hold.
func TestTailWhileWritten(t *testing.T) {
	dir := t.TempDir()
	s := newSequence(t, dir, ID{1}, 1)
	s.put("system.journal", info)
	s.put("user-1000.journal", info)
	j := openDir(t, dir)
	r := j.Reader(Match{})
	defer r.Close()
	r.SeekTail()
	// As if each tail were looked for before the next entry is written.
	r.mu.Lock()
	for _, c := range r.files {
		if err := c.settle(&r.target); err != nil {
			t.Fatal(err)
		}
		if filepath.Base(c.f.Path()) == "system.journal" {
			s.put("system.journal", info)
			s.put("user-1000.journal", info)
		}
	}
	r.sought()
	r.mu.Unlock()
	wantNumbers(t, "written while the tail was sought", numbers(r, 9))
	s.put("system.journal", info)
	wantNumbers(t, "written after it", numbers(r, 9), 5)
}

// journald removes a file without entries at once after a rotation: that is no fault.
func TestEmptyFileRemoved(t *testing.T) {
	dir := t.TempDir()
	s := newSequence(t, dir, ID{1}, 1)
	s.put("system.journal", info)
	j := openDir(t, dir)
	r := j.Reader(Match{})
	defer r.Close()
	wantNumbers(t, "before", numbers(r, 9), 1)
	s.file("user-1000.journal")
	j.Refresh()
	if err := os.Truncate(filepath.Join(dir, "user-1000.journal"), 0); err != nil {
		t.Fatal(err)
	}
	s.put("system.journal", info)
	wantNumbers(t, "of the other file", numbers(r, 9), 2)
	if errs := r.Errors(); len(errs) > 0 {
		t.Error(errs)
	}
}
