package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/dchest/siphash"
	"golang.org/x/sys/unix"
)

// ID is a 128-bit id as systemd writes it: of a boot, a machine, a file.
type ID [16]byte

// Errors of files. A *FileError wraps them and says which file it was.
var (
	ErrCorrupt = errors.New("corrupt")
	ErrNewer   = errors.New("written by a newer systemd than is known here")
	ErrEmpty   = errors.New("empty: nothing was written yet")
)

// FileError says what is wrong with a file. All other files can be read.
type FileError struct {
	Path string
	Err  error
	// Entries is how many entries cannot be read for it, at most; 0 if nothing says.
	Entries uint64
}

func (e *FileError) Error() string { return "journal file " + e.Path + ": " + e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }

// File is an open journal file. It is safe for concurrent use; whoever uses it
// holds a reference.
type File struct {
	path atomic.Pointer[filePath]
	data mapping
	// guard is set if the filesystem may stop to respond.
	guard   *guard
	mayHang bool
	refs    atomic.Int32
	live    atomic.Bool // it may be appended to
	held    atomic.Bool // its directory does not respond: whoever begins to read leaves it out
	key     fileKey
	// known is how many entries the file had when it was last looked at.
	known      atomic.Uint64
	lastNumber atomic.Uint64 // of its entries, then

	// Of the header, what never changes once the file has its hash tables.
	compact, keyed           bool
	headerSize               uint64
	id                       ID
	dataTable, dataBuckets   uint64
	fieldTable, fieldBuckets uint64
	sipKey0, sipKey1         uint64

	cut     error                   // it was cut off when it was opened
	checked atomic.Pointer[outcome] // of check
	ended   atomic.Pointer[outcome] // of ends
}

// outcome is what was found out about a file for good.
type outcome struct {
	err  error
	ends *ends
}

// mapped are the mappings of all open files, so that a fault can be told from
// a bug.
var mapped struct {
	sync.Mutex
	files map[*File]struct{}
}

func isMapped(address uintptr) bool {
	mapped.Lock()
	defer mapped.Unlock()
	for f := range mapped.files {
		if f.data.holds(address) {
			return true
		}
	}
	return false
}

// openFile opens and maps a file. It returns a *FileError.
func openFile(path string) (*File, error) {
	f, err := newFile(path)
	if err != nil {
		return nil, &FileError{Path: path, Err: withoutPath(err)}
	}
	return f, nil
}

// withoutPath takes the path off an error that is going to be told with it.
func withoutPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	return err
}

func newFile(path string) (_ *File, err error) {
	// A fifo or a device under the name of a journal must not hold the reader.
	fd, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	var head [headMinimum]byte
	n, err := fd.ReadAt(head[:], 0)
	if n < headMinimum {
		switch {
		case n == 0 || allZero(head[:n]):
			err = ErrEmpty
		case err == io.EOF:
			err = fmt.Errorf("%w: %d bytes are no header", ErrCorrupt, n)
		}
		return nil, err
	}
	f := new(File)
	f.setPath(path)
	if err := f.parseHeader(head[:]); err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(fd.Fd()), &st); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	f.key = fileKey{st.Dev, st.Ino}
	if f.cutOff(fd, uint64(st.Size)) {
		f.cut = fmt.Errorf("%w: it was cut off after %d bytes", ErrCorrupt, st.Size)
	}
	if f.data, err = mapFile(fd, f.live.Load()); err != nil {
		return nil, err
	}
	f.mayHang = mayHang(int(fd.Fd()))
	f.refs.Store(1)
	f.known.Store(le.Uint64(head[headEntries:]))
	f.lastNumber.Store(le.Uint64(head[headTailSeqnum:]))
	mapped.Lock()
	defer mapped.Unlock()
	if mapped.files == nil {
		mapped.files = map[*File]struct{}{}
	}
	mapped.files[f] = struct{}{}
	return f, nil
}

func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// parseHeader takes what never changes in a file, and checks it.
func (f *File) parseHeader(h []byte) error {
	if string(h[:len(signature)]) != signature {
		if allZero(h) {
			return ErrEmpty
		}
		return fmt.Errorf("%w: it does not begin with %s", ErrCorrupt, signature)
	}
	flags := le.Uint32(h[headIncompatible:])
	if unknown := flags &^ flagsKnown; unknown != 0 {
		return fmt.Errorf("%w: unknown incompatible flags %#x", ErrNewer, unknown)
	}
	f.compact = flags&flagCompact != 0
	f.keyed = flags&flagKeyedHash != 0
	f.live.Store(h[headState] != stateArchived && !isRetired(f.Path()))
	f.headerSize = le.Uint64(h[headSize:])
	if f.headerSize < headMinimum || f.headerSize%8 != 0 || f.headerSize > maxFile {
		return fmt.Errorf("%w: a header of %d bytes", ErrCorrupt, f.headerSize)
	}
	f.id = ID(h[headFileID:])
	f.sipKey0, f.sipKey1 = le.Uint64(f.id[:]), le.Uint64(f.id[8:])
	f.dataTable, f.dataBuckets = le.Uint64(h[headDataTable:]), le.Uint64(h[headDataTableSize:])/hashItemSize
	f.fieldTable, f.fieldBuckets = le.Uint64(h[headFieldTable:]), le.Uint64(h[headFieldTableSize:])/hashItemSize
	if f.dataBuckets == 0 || f.fieldBuckets == 0 || f.dataTable == 0 || f.fieldTable == 0 {
		if le.Uint64(h[headEntries:]) == 0 {
			return ErrEmpty // journald is just making the file
		}
		return fmt.Errorf("%w: it has no hash tables", ErrCorrupt)
	}
	return nil
}

// isRetired reports whether a file is called as journald calls those that it
// writes no more: system@….journal after a rotation, and with a tilde at the end
// one that was not closed properly.
func isRetired(path string) bool {
	name := filepath.Base(path)
	return strings.HasSuffix(name, "~") || strings.Contains(name, "@")
}

// cutOff reports whether a file has not all that its header says it has. journald
// changes the header before it shortens a file, and after it lengthens one.
func (f *File) cutOff(fd *os.File, size uint64) bool {
	var arena [8]byte
	if _, err := fd.ReadAt(arena[:], headArenaSize); err != nil {
		return true
	}
	return size < f.headerSize || size-f.headerSize < le.Uint64(arena[:])
}

// stillLive reports whether the file may be appended to, which ends when journald
// archives it.
func (f *File) stillLive() bool {
	if f.live.Load() && (isRetired(f.Path()) || f.state() == stateArchived) {
		f.live.Store(false)
	}
	return f.live.Load()
}

// state is the state that the header has now, stateArchived if it was cut off.
func (f *File) state() (state byte) {
	var err error
	state = stateArchived
	defer func() {
		if errors.Is(err, ErrHeld) {
			state = stateOnline // which it was when it was looked at last
		}
	}()
	defer catchFault(debug.SetPanicOnFault(true), &err)
	f.needHead()
	return f.data[headState]
}

// wiped reports whether nothing is left of the file. journald gives the blocks of
// files back that it removes, so that readers who have them open keep no space.
func (f *File) wiped() (is bool) {
	var err error
	is = true
	defer func() { is = is && !errors.Is(err, ErrHeld) }()
	defer catchFault(debug.SetPanicOnFault(true), &err)
	f.needHead()
	return string(f.data[:len(signature)]) != signature
}

// filePath is a path, and the writer that it names: see authorOf.
type filePath struct {
	path   string
	author uint32
}

// Path is where the file is now; rotation gives it another name.
func (f *File) Path() string { return f.path.Load().path }

func (f *File) setPath(path string) {
	if old := f.path.Load(); old == nil || old.path != path {
		f.path.Store(&filePath{path, authorOf(path)})
	}
}

func keyOfInfo(info os.FileInfo) fileKey {
	st := info.Sys().(*syscall.Stat_t)
	return fileKey{st.Dev, st.Ino}
}

// acquire takes one more reference; it fails on a file that is closed already.
func (f *File) acquire() bool {
	for {
		n := f.refs.Load()
		if n == 0 {
			return false
		}
		if f.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives a reference back. The last one unmaps the file.
func (f *File) release() error {
	if f.refs.Add(-1) != 0 {
		return nil
	}
	mapped.Lock()
	delete(mapped.files, f)
	mapped.Unlock()
	return f.data.unmap()
}

func (f *File) u64(at uint64) uint64 { return le.Uint64(f.data[at:]) }
func (f *File) u32(at uint64) uint32 { return le.Uint32(f.data[at:]) }

// entries is how many entries the file has now.
func (f *File) entries() uint64 {
	f.needHead()
	return f.u64(headEntries)
}

// seqnumID is what the sequence numbers of the file's entries count for. journald
// sets it when it writes the first entry.
func (f *File) seqnumID() ID {
	f.needHead()
	return ID(f.data[headSeqnumID:])
}

// objects is how many objects the file has now.
func (f *File) objects() uint64 {
	f.needHead()
	return f.u64(headObjects)
}

// check returns what is wrong with a file as a whole: it was cut off, or its list
// of entries is not as long as it says, which is looked at once.
func (f *File) check() error {
	if f.cut != nil {
		return f.cut
	}
	if o := f.checked.Load(); o != nil {
		return o.err
	}
	err := f.checkList()
	if !errors.Is(err, ErrHeld) {
		f.checked.Store(&outcome{err: err})
	}
	return err
}

func (f *File) checkList() (err error) {
	defer catchFault(debug.SetPanicOnFault(true), &err)
	all := f.entryList()
	if !f.live.Load() {
		return all.check()
	}
	if all.exceeds(1) && f.entries() == all.n { // journald writes one before it counts it
		return all.tooLong()
	}
	return nil
}

// hash is the hash of a field's or a data object's payload in this file.
func (f *File) hash(payload []byte) uint64 {
	if f.keyed {
		return siphash.Hash(f.sipKey0, f.sipKey1, payload)
	}
	return jenkins(payload)
}
