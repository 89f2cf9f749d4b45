package host

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/parked"
)

// The links below /proc/PID/ns and /proc/PID/root wait for a process that hangs
// in execve, process 1 too: what leads through them is asked for in a pool.

// netNS is where the host's network namespace is seen.
type netNS struct {
	proc  string // …/net of a process in it
	sys   string // …/class/net of it, "" if it cannot be reached
	dir   int    // descriptor of sys, -1 if it cannot be opened
	errno unix.Errno
	own   bool // the reader itself is in it
}

// findNetNS looks for the network namespace of process 1, which is the host's
// as far as /proc shows the host. A collector in a namespace of its own must
// not take its own interfaces for the host's.
func findNetNS(pool *parked.Pool, proc, sys string, sysGiven bool) netNS {
	ns := netNS{proc: proc + "/1/net", sys: sys + "/class/net", own: true}
	if fd, errno := openPath(cstring(ns.proc + "/dev")); errno != 0 {
		ns.proc = proc + "/net"
	} else {
		unix.Close(fd)
		ns.own = sameFile(ns.proc+"/dev", proc+"/self/net/dev")
		if !ns.own && !sysGiven {
			ns.sys = proc + "/1/root/sys/class/net"
		}
	}
	if ns.dir, ns.errno = openDir(pool, ns.sys); ns.errno != 0 && !ns.own && !sysGiven {
		ns.sys = ""
	}
	return ns
}

// sameFile reports whether two paths lead to one file, or one of them to none.
// Each network namespace has its own files below /proc/net: their inodes tell
// the namespaces apart.
func sameFile(a, b string) bool {
	var one, other unix.Stat_t
	return unix.Stat(a, &one) != nil || unix.Stat(b, &other) != nil || one.Ino == other.Ino
}

// otherMountNamespace reports whether process 1 has another mount namespace than
// the reader. A mount belongs to one namespace, and its number to one mount.
func otherMountNamespace(proc string) bool {
	var buf []byte
	read := func(process string) []mountSpec {
		f := newFile(proc + "/" + process + "/mountinfo")
		defer f.close()
		return parseMountinfo(f.read(&buf))
	}
	theirs := map[int64]bool{}
	for _, m := range read("1") {
		theirs[m.id] = true
	}
	own := read("self")
	for _, m := range own {
		if theirs[m.id] {
			return false
		}
	}
	return len(theirs) > 0 && len(own) > 0
}

// startWait is how long a call may take that prepares a Reader.
const startWait = time.Second

// readable reports whether a path can be read, within startWait.
func readable(pool *parked.Pool, path string) bool {
	var err error
	c := parked.Call{Await: true, Run: func() { err = unix.Access(path, unix.R_OK) }}
	pool.Start(&c, 0)
	pool.Wait(startWait)
	return c.Take() && err == nil
}

// openDir opens a directory for openat(2), within startWait.
func openDir(pool *parked.Pool, path string) (int, unix.Errno) {
	var fd int
	var err error
	c := parked.Call{Await: true, Run: func() { fd, err = unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) }}
	pool.Start(&c, 0)
	pool.Wait(startWait)
	switch {
	case !c.Take():
		return -1, unix.ETIMEDOUT
	case err != nil:
		return -1, err.(unix.Errno)
	}
	return fd, 0
}
