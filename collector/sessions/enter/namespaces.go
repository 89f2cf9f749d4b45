package enter

import (
	"golang.org/x/sys/unix"
)

// namespaceTypes are those of Linux, with their names in /proc/PID/ns.
var namespaceTypes = []struct {
	name string
	flag int
}{
	{"user", unix.CLONE_NEWUSER}, {"mnt", unix.CLONE_NEWNS}, {"pid", unix.CLONE_NEWPID}, {"net", unix.CLONE_NEWNET},
	{"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}, {"cgroup", unix.CLONE_NEWCGROUP}, {"time", unix.CLONE_NEWTIME},
}

// namespaces are those of a process that differ from those of the caller. A user
// namespace takes part of the rights that are needed to join others: before it, those
// are joined that it does not own; with it, those that it does.
type namespaces struct {
	before, with int // flags of setns(2); user is part of with
}

func (n namespaces) user() bool { return n.with&unix.CLONE_NEWUSER != 0 }

// readNamespaces compares the namespaces of a process with those of the caller.
func readNamespaces(p *pinned) (n namespaces, err error) {
	self, err := unix.Open("/proc/self", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return n, err
	}
	defer unix.Close(self)
	var user unix.Stat_t
	for _, t := range namespaceTypes {
		var theirs, ours unix.Stat_t
		err := unix.Fstatat(p.proc, "ns/"+t.name, &theirs, 0)
		if err == unix.ENOENT { // a kernel without that type
			continue
		}
		if err == nil {
			err = unix.Fstatat(self, "ns/"+t.name, &ours, 0)
		}
		if err != nil {
			return n, because(NoParity, err, "the container's %s namespace cannot be examined", t.name)
		}
		if t.flag == unix.CLONE_NEWUSER {
			user = theirs
		}
		if theirs.Ino == ours.Ino && theirs.Dev == ours.Dev {
			continue
		}
		if t.flag != unix.CLONE_NEWUSER && n.user() {
			owned, err := ownedBy(p, t.name, &user)
			if err != nil {
				return n, because(NoParity, err, "the owner of the container's %s namespace cannot be found", t.name)
			}
			if owned {
				n.with |= t.flag
				continue
			}
		} else if t.flag == unix.CLONE_NEWUSER {
			n.with |= t.flag
			continue
		}
		n.before |= t.flag
	}
	return n, nil
}

// ownedBy reports whether a namespace of a process belongs to a user namespace.
func ownedBy(p *pinned, name string, user *unix.Stat_t) (bool, error) {
	fd, err := unix.Openat(p.proc, "ns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	owner, err := unix.IoctlRetInt(fd, unix.NS_GET_USERNS)
	if err != nil {
		return false, err
	}
	defer unix.Close(owner)
	var st unix.Stat_t
	if err := unix.Fstat(owner, &st); err != nil {
		return false, err
	}
	return st.Ino == user.Ino && st.Dev == user.Dev, nil
}
