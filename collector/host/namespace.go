package host

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/collector/bounded"
)

// While a process hangs in execve(2), access to its links in /proc/PID/ns and to
// /proc/PID/root waits. This holds for process 1, too, so paths through those links are
// opened by a pool.

// netNS holds the paths that show the host's network namespace.
type netNS struct {
	proc  string     // /proc/…/net of a process in the namespace
	sys   string     // /sys/class/net of the namespace, "" if it cannot be reached
	dir   int        // descriptor of sys, -1 if it cannot be opened
	errno unix.Errno // why not
	own   bool       // the collector itself is in the namespace
}

// findNetNS returns the paths of the network namespace of process 1, which is the
// host's if proc is the host's /proc. A collector in a network namespace of its own
// must not show its own interfaces as those of the host. sysGiven says that the user
// has named sys.
func findNetNS(pool *bounded.Pool, proc, sys string, sysGiven bool) netNS {
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

// sameFile reports whether two paths lead to the same file; it also returns true if
// one of them leads to no file. Each network namespace has its own files below
// /proc/net, so their inode numbers distinguish namespaces.
func sameFile(a, b string) bool {
	var one, other unix.Stat_t
	return unix.Stat(a, &one) != nil || unix.Stat(b, &other) != nil || one.Ino == other.Ino
}

// otherMountNamespace reports whether process 1 is in another mount namespace than the
// collector. Each mount belongs to one namespace and has an id that no other mount has,
// so two processes that share an id are in the same namespace.
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

// startWait is how long New waits for a call that may hang.
const startWait = time.Second

// readable reports whether a path is found to be readable within startWait.
func readable(pool *bounded.Pool, path string) bool {
	var err error
	c := bounded.Call{Await: true, Run: func() { err = unix.Access(path, unix.R_OK) }}
	pool.Start(&c, 0)
	pool.Wait(startWait)
	return c.Take() && err == nil
}

// openDir opens a directory for openat(2), and returns its descriptor. The error is
// ETIMEDOUT if that takes longer than startWait.
func openDir(pool *bounded.Pool, path string) (int, unix.Errno) {
	var fd int
	var err error
	c := bounded.Call{Await: true, Run: func() {
		fd, err = unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}}
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
