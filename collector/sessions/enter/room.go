package enter

import (
	"os"
	"strconv"
	"strings"
)

// toolThreads is how many threads a tool may need to run at all: without them, its runtime ends
// in the middle of its start.
const toolThreads = 8

// room returns how many more processes and threads the container's own cgroup allows, or false
// if it has no limit.
func (c *cgroups) room() (left int, limited bool) {
	number := func(file string) (int, bool) {
		b, err := os.ReadFile(file)
		if err != nil {
			return 0, false
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(b))) // or "max"
		return n, err == nil
	}
	for _, h := range c.all {
		if h.dir == "" || h.controllers != "" && !h.has("pids") {
			continue
		}
		most, ok := number(h.dir + "/pids.max")
		if have, ok2 := number(h.dir + "/pids.current"); ok && ok2 && (!limited || most-have < left) {
			left, limited = max(0, most-have), true
		}
	}
	return left, limited
}
