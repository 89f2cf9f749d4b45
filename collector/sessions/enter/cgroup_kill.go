package enter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// killWithin is how long the kernel may take to end the processes of a session.
const killWithin = 2 * time.Second

// Kill kills every process of the session, and reports whether any may be left: it is to
// be called until it returns false, when the session's cgroups are gone too. The command
// itself is not waited for. It does not block.
func (s *Session) Kill() (left bool) {
	if s.cgroups.kill(s.PID) > 0 {
		return true
	}
	return s.cgroups.remove() != nil
}

// kill kills the processes of the session, and the children of the caller with these ids.
// It returns how many are left.
func (c *cgroups) kill(children ...int) (left int) {
	for _, dir := range c.made {
		left += killBelow(dir)
	}
	for _, pid := range children {
		if pid > 0 && !zombie(pid) {
			unix.Kill(pid, unix.SIGKILL)
			left++
		}
	}
	if left > 0 {
		c.thaw()
	}
	return left
}

// end kills the processes of a session that did not come to be, and removes what was made
// for it. An error means that something is left.
func (c *cgroups) end(children ...int) error {
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		left := c.kill(children...)
		if left == 0 {
			err := c.remove()
			if err == nil {
				return nil
			}
			if time.Since(begin) > killWithin {
				return err
			}
		}
		if time.Since(begin) > killWithin {
			return fmt.Errorf("%d processes of the session do not end: %s", left, strings.Join(c.made, ", "))
		}
	}
}

// zombie reports whether a child has ended, which leaves its id in use until it is
// waited for.
func zombie(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	state, _, _, err := parseStat(b)
	return err != nil || state == 'Z' || state == 'X'
}

// killBelow kills the processes of a cgroup of version 2 and of those below it, and
// returns how many are left.
func killBelow(dir string) int {
	pids := processes(dir)
	if len(pids) == 0 {
		return 0
	}
	if err := os.WriteFile(dir+"/cgroup.kill", []byte("1"), 0); err == nil {
		return len(pids)
	}
	// Before Linux 5.14, or with version 1, one after another. The freezer of version 1 keeps
	// them from starting others meanwhile; frozen ones end when they are thawed.
	if os.WriteFile(dir+"/freezer.state", []byte("FROZEN"), 0) == nil {
		defer os.WriteFile(dir+"/freezer.state", []byte("THAWED"), 0)
	}
	for _, pid := range processes(dir) {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue
		}
		if member(pid, dir) { // it is still that process
			unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
		unix.Close(fd)
	}
	return len(pids)
}

// member reports whether a process is in a cgroup of a session, which has a name of its own,
// or in one below it.
func member(pid int, dir string) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	return err == nil && strings.Contains(strings.ReplaceAll(string(b), "\n", "/\n"), "/"+filepath.Base(dir)+"/")
}

// processes lists those of a cgroup and of all below it. Ended ones that nobody has
// waited for are not part of it.
func processes(dir string) (all []int) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		b, err := os.ReadFile(path + "/cgroup.procs")
		if errors.Is(err, unix.EOPNOTSUPP) { // a threaded cgroup
			b, _ = os.ReadFile(path + "/cgroup.threads")
		}
		for _, f := range strings.Fields(string(b)) {
			if pid, err := strconv.Atoi(f); err == nil && pid > 0 && !zombie(pid) {
				all = append(all, pid)
			}
		}
		return nil
	})
	return all
}

// thaw lets processes of the session end that are frozen with the container by the
// freezer of version 1, in which not even SIGKILL ends a process: it moves them, killed
// already, to the freezer's root. That of version 2 needs no help.
func (c *cgroups) thaw() {
	for _, h := range c.all {
		if h.dir == "" || !h.has("freezer") {
			continue
		}
		b, _ := os.ReadFile(h.dir + "/freezer.state")
		if s := strings.TrimSpace(string(b)); s != "FROZEN" && s != "FREEZING" {
			continue
		}
		root := strings.TrimSuffix(h.dir, h.path)
		for _, dir := range c.made {
			for _, pid := range processes(dir) {
				os.WriteFile(root+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0)
			}
		}
	}
}

// remove removes the session's cgroups, and those that its processes made below them.
// Processes that have just ended may still be counted in one (EBUSY).
func (c *cgroups) remove() (err error) {
	for _, dir := range c.made {
		err = errors.Join(err, removeTree(dir))
	}
	return err
}

func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // with the container
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}
