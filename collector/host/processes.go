package host

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
)

const (
	procMagic    = 0x9fa0 // PROC_SUPER_MAGIC
	recountTicks = 60
)

// processCounter counts processes without listing them: the link count of
// /proc is that of its fixed directories, plus one a process
// (proc_root_getattr in the kernel's fs/proc/root.c). Where that does not
// hold, it counts the entries.
type processCounter struct {
	fd    int
	base  int64 // links that are not processes; -1: count entries
	ticks int
	st    unix.Stat_t
	buf   [4096]byte
}

func newProcessCounter(proc string) *processCounter {
	p := &processCounter{base: -1}
	var errno unix.Errno
	if p.fd, errno = openPath(cstring(proc)); errno != 0 {
		p.fd = -1
		return p
	}
	var fs unix.Statfs_t
	if unix.Fstatfs(p.fd, &fs) != nil || fs.Type != procMagic {
		return p
	}
	// A namespace shows fewer processes than the machine has, never more.
	fixed := p.entries(true)
	if seen := p.entries(false); unix.Fstat(p.fd, &p.st) == nil && int64(p.st.Nlink)-fixed-2 >= seen-seen/8-8 {
		p.base = fixed + 2
	}
	return p
}

// count is the number of processes of the machine, or Absent.
func (p *processCounter) count() int64 {
	switch {
	case p.fd < 0:
		return metric.Absent
	case p.base < 0:
		return p.entries(false)
	case p.ticks >= recountTicks: // a module may have made a directory
		p.ticks = 0
		p.base = p.entries(true) + 2
	}
	p.ticks++
	if unix.Fstat(p.fd, &p.st) != nil {
		return metric.Absent
	}
	return max(int64(p.st.Nlink)-p.base, 1)
}

// entries counts the directories that are no processes (which come first, so
// it stops at the first process), or those that are.
func (p *processCounter) entries(fixed bool) (n int64) {
	if _, err := unix.Seek(p.fd, 0, unix.SEEK_SET); err != nil {
		return metric.Absent
	}
	for {
		k, err := unix.Getdents(p.fd, p.buf[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return metric.Absent
		}
		if k <= 0 {
			return n
		}
		for b := p.buf[:k]; len(b) > 0; {
			const typeOff, nameOff = 18, 19 // struct linux_dirent64
			size := int(*(*uint16)(unsafe.Pointer(&b[16])))
			first := b[nameOff]
			process := first >= '1' && first <= '9'
			switch {
			case process && fixed:
				return n
			case process || fixed && b[typeOff] == unix.DT_DIR && first != '.':
				n++
			}
			b = b[size:]
		}
	}
}

func (p *processCounter) close() {
	if p.fd >= 0 {
		unix.Close(p.fd)
		p.fd = -1
	}
}
