package logfile

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"
)

// file is an open file of a log.
type file struct {
	name
	path   string // where it was found; rotation moves it
	inode  inode
	os     *os.File
	gz     *gzipAt // nil: it is not compressed
	format Format
	// id identifies the content through renaming, compression and copying: the hash
	// of the first record, which has a time in nanoseconds. 0: there is none yet.
	id     uint64
	head   []byte // the first bytes of the first record, to see that the content was replaced
	headAt int64
	first  int64 // time of the first record, in nanoseconds since 1970
	known  int64 // the largest size that was seen, in bytes
	// gen numbers the file among those that were the live one, as the watcher counts
	// them; it means nothing if the watcher's count of lost events is not lossy.
	gen   int64
	lossy uint64
	// lost says what was lost between the file before it and this one; nil: nothing.
	lost  *LostError
	older *file // the file before it, once that was opened
	left  bool  // all was read, and once more since a newer file is known
	moved bool  // it was the live file when it was opened, and was rotated since
	dead  bool  // the file was truncated: its content is another file now
}

const headSize = 128

// errReplaced says that a file has other content than before: it was truncated.
var errReplaced = errors.New("the file was truncated")

// openFile opens a file of a log.
func (l *Log) openFile(dir string, n name) (*file, error) {
	f := &file{name: n, path: dir + n.base, format: l.format}
	h, st, err := openRegular(f.path, l.o.User)
	if err != nil {
		return nil, err
	}
	f.os, f.inode, f.known = h, inode{st.Dev, st.Ino}, st.Size
	if n.gzip {
		f.gz = newGzipAt(h)
	}
	if err := f.identify(); err != nil {
		h.Close()
		return nil, fileError(f.path, err)
	}
	return f, nil
}

// is reports whether two files are the same one, which may have been compressed or copied.
func (f *file) is(g *file) bool { return f == g || f.id != 0 && f.id == g.id }

func (f *file) readAt(p []byte, off int64) (n int, err error) {
	if f.gz != nil {
		n, err = f.gz.ReadAt(p, off)
	} else {
		n, err = f.os.ReadAt(p, off)
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// size returns the size of the content, in bytes.
func (f *file) size() (int64, error) {
	if f.gz != nil {
		return f.gz.length()
	}
	var st unix.Stat_t
	err := unix.Fstat(int(f.os.Fd()), &st)
	return st.Size, err
}

// replaced reports whether the content is another one than that which was
// identified.
func (f *file) replaced() bool {
	if f.gz != nil || f.id == 0 {
		return false
	}
	var b [headSize]byte
	n, err := f.readAt(b[:len(f.head)], f.headAt)
	return err == nil && !bytes.Equal(b[:n], f.head)
}

// maxBad bounds how much is passed over in search of a first record, in bytes.
const maxBad = 1 << 20

// identify reads the first record for the file's id.
func (f *file) identify() error {
	f.id, f.head, f.headAt = 0, f.head[:0], 0
	s := scanner{parser: parser{format: f.format}, first: true}
	s.seek(f, 0)
	var r record
	for bad := int64(0); bad < maxBad; {
		ok, err := s.next(&r)
		switch {
		case ok:
			f.first = r.time
			f.id = max(xxhash.Sum64(s.raw), 1)
			f.head, f.headAt = append(f.head, s.raw[:min(len(s.raw), headSize)]...), r.start
			return nil
		case isBad(err):
			bad += err.(*BadError).Bytes // it is told of when the file is read
		default:
			return err
		}
	}
	return nil
}

// again makes another file of the same one, whose content was replaced.
func (f *file) again() (*file, error) {
	fd, err := unix.FcntlInt(f.os.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fileError(f.path, err)
	}
	f.dead = true
	g := &file{name: f.name, path: f.path, inode: f.inode, os: os.NewFile(uintptr(fd), f.path), format: f.format,
		gen: f.gen, lossy: f.lossy}
	if err = g.identify(); err == nil {
		g.known, err = g.size()
	}
	if err != nil {
		g.close()
		return nil, fileError(f.path, err)
	}
	return g, nil
}

func (f *file) close() { f.os.Close() } // it was only read
