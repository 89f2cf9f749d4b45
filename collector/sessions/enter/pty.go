package enter

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal for a session.
type terminal struct {
	master, slave int
	host          bool // it is the host's, as the container has none
}

const ptmxDevice = 5<<8 | 2 // of /dev/ptmx, 5:2

// openTerminal opens a terminal in the devpts of a container, so that /dev/pts and
// ttyname(3) know it there. A container without devpts gets one of the host.
func openTerminal(p *pinned, rows, cols uint16, uid int) (*terminal, error) {
	t := &terminal{}
	master, err := openPtmx(p)
	if err != nil {
		t.host = true
		master, err = unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, because(NoParity, err, "no terminal can be opened, neither in the container nor on the host")
	}
	slave, err := openSlave(master, rows, cols, uid)
	if err != nil {
		unix.Close(master)
		return nil, because(NoParity, err, "the terminal cannot be prepared")
	}
	t.master, t.slave = master, slave
	return t, nil
}

// openPtmx opens the container's /dev/pts/ptmx. What is at that path is the container's
// to choose, so it is looked at before it is opened.
func openPtmx(p *pinned) (int, error) {
	path, err := unix.Openat2(p.root, "dev/pts/ptmx", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
	if err != nil {
		return -1, err
	}
	defer unix.Close(path)
	var fs unix.Statfs_t
	var st unix.Stat_t
	if err := unix.Fstatfs(path, &fs); err != nil {
		return -1, err
	}
	if err := unix.Fstat(path, &st); err != nil {
		return -1, err
	}
	if fs.Type != unix.DEVPTS_SUPER_MAGIC || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != ptmxDevice {
		return -1, unix.ENODEV
	}
	return unix.Open("/proc/self/fd/"+strconv.Itoa(path), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
}

// openSlave opens the other end by the master itself: no path can lead it elsewhere.
func openSlave(master int, rows, cols uint16, uid int) (int, error) {
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return -1, err
	}
	if rows != 0 || cols != 0 {
		if err := unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}); err != nil {
			return -1, err
		}
	}
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER,
		unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return -1, errno
	}
	if err := unix.Fchown(int(fd), uid, -1); err != nil { // the group is that of the mount
		unix.Close(int(fd))
		return -1, err
	}
	return int(fd), nil
}
