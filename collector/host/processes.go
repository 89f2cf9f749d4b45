package host

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
)

const (
	procMagic    = 0x9fa0 // PROC_SUPER_MAGIC of linux/magic.h
	recountTicks = 60     // ticks after which the fixed directories are counted again
)

// processCounter counts processes without listing them: the link count of /proc is
// that of its fixed directories, plus one for each process (proc_root_getattr in the
// kernel's fs/proc/root.c). If the link count is not such a sum, it counts the
// directories of processes.
type processCounter struct {
	fd    int   // descriptor of /proc, -1 if it cannot be opened
	base  int64 // links of /proc that are not processes; -1 if entries are to be counted
	ticks int   // since the fixed directories were counted
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
	// A PID namespace may show fewer processes than the link count says, never more.
	fixed := p.entries(true)
	if seen := p.entries(false); unix.Fstat(p.fd, &p.st) == nil && int64(p.st.Nlink)-fixed-2 >= seen-seen/8-8 {
		p.base = fixed + 2
	}
	return p
}

// count returns the number of processes of the machine, or metric.Absent.
func (p *processCounter) count() int64 {
	switch {
	case p.fd < 0:
		return metric.Absent
	case p.base < 0:
		return p.entries(false)
	case p.ticks >= recountTicks: // a kernel module may have added a directory
		p.ticks = 0
		p.base = p.entries(true) + 2
	}
	p.ticks++
	if unix.Fstat(p.fd, &p.st) != nil {
		return metric.Absent
	}
	return max(int64(p.st.Nlink)-p.base, 1)
}

// entries counts directories in /proc: those of processes or, if fixed is set, all
// others. The others come first, so it then stops at the first process.
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
