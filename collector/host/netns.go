package host

import "golang.org/x/sys/unix"

// netNS is where the host's network namespace is seen.
type netNS struct {
	proc string // …/net of a process in it
	sys  string // …/class/net of it, "" if it cannot be reached
	own  bool   // the reader itself is in it
}

// findNetNS looks for the network namespace of process 1, which is the host's
// as far as /proc shows the host. A collector in a namespace of its own must
// not take its own interfaces for the host's.
func findNetNS(proc, sys string, sysGiven bool) netNS {
	ns := netNS{proc: proc + "/1/net", sys: sys + "/class/net", own: true}
	fd, errno := openPath(cstring(ns.proc + "/dev"))
	if errno != 0 {
		ns.proc = proc + "/net"
		return ns
	}
	unix.Close(fd)
	// Each namespace has its own files below /proc/net; their inodes tell the
	// namespaces apart where the links in /proc/1/ns may not be read.
	var one, self unix.Stat_t
	if unix.Stat(ns.proc+"/dev", &one) != nil || unix.Stat(proc+"/self/net/dev", &self) != nil || one.Ino == self.Ino {
		return ns
	}
	ns.own = false
	if !sysGiven {
		ns.sys = proc + "/1/root/sys/class/net"
		if unix.Access(ns.sys, unix.R_OK) != nil {
			ns.sys = ""
		}
	}
	return ns
}
