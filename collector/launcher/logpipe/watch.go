package logpipe

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// errJournaldEnded is why a connection is lost whose socket systemd still holds.
var errJournaldEnded = errors.New("journald has ended")

// journaldComm is what the kernel calls the process of journald: 15 bytes of its name.
const journaldComm = "systemd-journal"

// watchJournald returns a pidfd of the journald that has the socket at path, which can be
// read once that has ended. systemd holds the socket open then and gives it to the next
// journald, so that the socket itself tells nothing, while the datagram that journald was
// working on is lost. It returns -1 if there is none that this process can see.
func watchJournald(path string) (pidfd int) {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return -1 // a /proc of another PID namespace
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return -1
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var found []int
	var sockets []string
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || !isJournald(pid) || !sharesFile(pid, path) {
			continue
		}
		if sockets == nil {
			sockets = socketsAt(path)
		}
		if has, err := hasSocket(pid, sockets); has || err != nil { // only root may know
			found = append(found, pid)
		}
	}
	if len(found) != 1 {
		return -1
	}
	if pidfd, err = unix.PidfdOpen(found[0], 0); err != nil {
		return -1
	}
	if !isJournald(found[0]) { // it ended, and the number is another process'
		unix.Close(pidfd)
		return -1
	}
	return pidfd
}

func isJournald(pid int) bool {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && string(comm) == journaldComm+"\n"
}

// sharesFile reports whether a process sees the same file at a path, or whether that cannot
// be found out. A journald in a container has a file of its own there, and in the network
// namespace of the host nothing else tells its socket apart.
func sharesFile(pid int, path string) bool {
	ours, err := os.Stat(path)
	if err != nil {
		return true
	}
	its, err := os.Stat(fmt.Sprintf("/proc/%d/root%s", pid, path))
	return errors.Is(err, os.ErrPermission) || err == nil && os.SameFile(ours, its)
}

// socketsAt returns the sockets that are bound to a path, as links in /proc/PID/fd name
// them.
func socketsAt(path string) (links []string) {
	b, _ := os.ReadFile("/proc/self/net/unix")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 8 && f[7] == path {
			links = append(links, "socket:["+f[6]+"]")
		}
	}
	return links
}

// hasSocket reports whether a process has one of some sockets open.
func hasSocket(pid int, links []string) (bool, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		link, _ := os.Readlink(dir + "/" + e.Name())
		for _, l := range links {
			if link == l {
				return true, nil
			}
		}
	}
	return false, nil
}
