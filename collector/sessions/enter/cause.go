package enter

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Cause is why a command ended that was killed.
type Cause string

const (
	ContainerEnded Cause = "container ended"
	OutOfMemory    Cause = "out of memory"
)

// Cause says why the command was killed, "" if nothing but a signal is known.
func (s *Session) Cause() Cause {
	switch {
	case s.firstEnds():
		return ContainerEnded
	case s.cgroups.oomKills() > s.ooms:
		return OutOfMemory
	}
	return ""
}

// exiting is a process that ends (PF_EXITING).
const exiting = 0x4

// firstEnds reports whether the container's first process has ended, or is about to: it ends only
// after all others of its pid namespace.
func (s *Session) firstEnds() bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(s.firstPID) + "/stat")
	if hasEnded(s.first) || err != nil { // else that was its file
		return true
	}
	_, flags, _, err := parseStat(b)
	return err == nil && flags&exiting != 0
}

// Close lets go of the container. The streams stay open.
func (s *Session) Close() {
	if s.first >= 0 {
		unix.Close(s.first)
		s.first = -1
	}
}

// oomKills returns how many processes of the container the kernel has killed for want of
// memory.
func (c *cgroups) oomKills() (n uint64) {
	for _, h := range c.all {
		file := "/memory.events"
		if h.has("memory") {
			file = "/memory.oom_control"
		} else if h.controllers != "" {
			continue
		}
		b, _ := os.ReadFile(h.dir + file) // without the controller there is none
		for line := range strings.Lines(string(b)) {
			if v, ok := strings.CutPrefix(line, "oom_kill "); ok {
				k, _ := strconv.ParseUint(strings.TrimSpace(v), 10, 64)
				n += k
			}
		}
	}
	return n
}
