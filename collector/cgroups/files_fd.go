package cgroups

import (
	"syscall"
)

// mostText bounds what is read of one file.
const mostText = 4 << 20

// plan shares the descriptors that may be kept out among the groups: each
// keeps as many of its files open, most wanted first, and opens the others
// anew for each reading.
func (f *files) plan() {
	f.perGroup = f.budget
	if n := len(f.ents); n > 0 {
		f.perGroup = f.budget / n
	}
	f.scarce = f.perGroup < scarceFDs
	for _, e := range f.ents {
		for k := len(e.file) - 1; k >= 0 && e.kept > f.perGroup; k-- {
			f.closeFile(e, k)
		}
	}
}

func (f *files) closeFile(e *entry, k int) {
	if st := &e.file[k]; st.fd >= 0 {
		closeFD(int(st.fd))
		st.fd = -1
		e.kept--
		f.kept--
	}
}

func (f *files) closeAll(e *entry) {
	for k := range e.file {
		f.closeFile(e, k)
	}
}

// load reads a file whole: its text, or for a list the number of its lines in
// f.lines.
func (f *files) load(e *entry, k int) ([]byte, syscall.Errno) {
	sp, st := &f.specs[k], &e.file[k]
	if st.fd >= 0 {
		b, errno := f.slurp(int(st.fd), sp.list)
		if errno == 0 {
			return b, 0
		}
		f.closeFile(e, k) // the group is gone, or the file went and came again
	}
	fd, errno := f.open(e, sp)
	if errno == syscall.EMFILE || errno == syscall.ENFILE {
		f.budget = f.kept * 3 / 4 // others need descriptors too
		f.plan()
		fd, errno = f.open(e, sp)
	}
	if errno != 0 {
		return nil, errno
	}
	b, errno := f.slurp(fd, sp.list)
	if errno == 0 && f.worth(sp) && e.kept < f.perGroup {
		st.fd = int32(fd)
		e.kept++
		f.kept++
	} else {
		closeFD(fd)
	}
	return b, errno
}

// worth tells whether a file is read often enough to keep it open.
func (f *files) worth(sp *spec) bool {
	switch sp.class {
	case limit, state, reopen:
		return false
	case pool:
		return !f.scrap && !f.sizes[sp.size].empty
	}
	return !f.scrap
}

func (f *files) open(e *entry, sp *spec) (int, syscall.Errno) {
	f.path = append(f.path[:0], e.cpath[:len(e.cpath)-1]...)
	f.path = append(f.path, '/')
	f.path = append(f.path, sp.name...)
	return openat(f.roots[sp.mount], f.path, 0)
}

// slurp reads from the start. The kernel hands a file out whole if the buffer
// has room, a list page by page.
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
