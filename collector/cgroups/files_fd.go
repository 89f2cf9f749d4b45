package cgroups

import (
	"syscall"
)

// mostText is about how many bytes are read from one file at most; a list has no limit.
const mostText = 4 << 20

// plan divides the files that may be held open equally among the groups. Each group
// holds its share open, and opens its other files for each reading. plan closes the
// least important files of groups that hold more than their share.
func (f *files) plan() {
	f.perGroup = f.budget
	if n := len(f.ents); n > 0 {
		f.perGroup = f.budget / n
	}
	f.short = f.perGroup < plentyFDs
	for _, e := range f.ents {
		for k := len(e.file) - 1; k >= 0 && e.openFDs > f.perGroup; k-- {
			f.closeFile(e, k)
		}
	}
}

// closeFile closes file k of a group if it is held open.
func (f *files) closeFile(e *entry, k int) {
	if st := &e.file[k]; st.fd >= 0 {
		closeFD(int(st.fd))
		st.fd = -1
		e.openFDs--
		f.openFDs--
	}
}

// closeAll closes all files of a group that are held open.
func (f *files) closeAll(e *entry) {
	for k := range e.file {
		f.closeFile(e, k)
	}
}

// load reads file k of a group. It returns the text, which is valid until the next
// load. For a list it returns no text, but sets f.lines to the number of lines.
func (f *files) load(e *entry, k int) ([]byte, syscall.Errno) {
	sp, st := &f.specs[k], &e.file[k]
	if st.fd >= 0 {
		b, errno := f.slurp(int(st.fd), sp.list)
		if errno == 0 {
			return b, 0
		}
		f.closeFile(e, k) // the group was removed, or the file was removed and added again
	}
	fd, errno := f.open(e, sp)
	if errno == syscall.EMFILE || errno == syscall.ENFILE {
		f.budget = f.openFDs * 3 / 4 // leave descriptors to the rest of the process
		f.plan()
		fd, errno = f.open(e, sp)
	}
	if errno != 0 {
		return nil, errno
	}
	b, errno := f.slurp(fd, sp.list)
	if errno == 0 && f.worthHolding(sp) && e.openFDs < f.perGroup {
		st.fd = int32(fd)
		e.openFDs++
		f.openFDs++
	} else {
		closeFD(fd)
	}
	return b, errno
}

// worthHolding reports whether a file is read often enough to hold it open.
func (f *files) worthHolding(sp *spec) bool {
	switch sp.class {
	case limit, state, reopen:
		return false
	case pool:
		return !f.holdNone && !f.sizes[sp.size].empty
	}
	return !f.holdNone
}

// open opens a file of a group for reading.
func (f *files) open(e *entry, sp *spec) (int, syscall.Errno) {
	f.path = append(f.path[:0], e.cpath[:len(e.cpath)-1]...)
	f.path = append(f.path, '/')
	f.path = append(f.path, sp.name...)
	return openat(f.roots[sp.mount], f.path, 0)
}

// slurp reads an open file from its beginning: see load for the result. One pread
// returns the whole of a file if the buffer is large enough; a list is returned page
// by page.
func (f *files) slurp(fd int, list bool) ([]byte, syscall.Errno) {
	if list {
		f.lines = 0
		for off := int64(0); ; {
			n, errno := pread(fd, f.buf, off)
			if errno != 0 {
				return nil, errno
			}
			if n == 0 {
				return nil, 0
			}
			f.lines += countLines(f.buf[:n])
			off += int64(n)
		}
	}
	for {
		n, errno := pread(fd, f.buf, 0)
		if errno != 0 {
			return nil, errno
		}
		if n < len(f.buf) || len(f.buf) >= mostText {
			return f.buf[:n], 0
		}
		f.buf = make([]byte, 2*len(f.buf))
	}
}
