package cgroups

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
)

const (
	findCalls = 8                    // groups looked up at the same time; as many may hang in the kernel
	findWait  = 5 * time.Millisecond // how long one tick waits for them
	findMost  = 4096                 // tasks looked at in one group
	findQueue = 1 << 16              // groups waiting to be looked up
)

// startFinder finds in /proc when the oldest process of a group started. Since
// Linux 6.18 a read of /proc/PID/stat blocks while the process hangs in execve
// (do_task_stat() in fs/proc/array.c), so the goroutines of a pool read it.
type startFinder struct {
	lists []string // mount points of the hierarchies to read tasks from, in order of preference
	pool  *bounded.Pool
	calls [findCalls]bounded.Call
	asked map[*Group]bool // groups that want was called for, until round returns them

	mu    sync.Mutex // guards todo and found
	todo  []*Group
	found []foundStart
	taken []foundStart // returned by the last round
}

// foundStart is the start of one group.
type foundStart struct {
	group *Group
	since int64 // nanoseconds since boot; 0: the group has no process any more
}

func newStartFinder(l *Layout) *startFinder {
	f := &startFinder{pool: bounded.NewPool(bounded.Limits{Calls: findCalls, Scarce: findCalls}), asked: map[*Group]bool{}}
	for _, m := range listMounts(l) {
		f.lists = append(f.lists, l.Mounts[m].Dir)
	}
	for i := range f.calls {
		f.calls[i] = bounded.Call{Run: f.run, Await: true}
	}
	return f
}

// want queues a group for look-up, unless it is queued already or the queue is full.
func (f *startFinder) want(g *Group) {
	if f.asked[g] || len(f.asked) >= findQueue {
		return
	}
	f.asked[g] = true
	f.mu.Lock()
	f.todo = append(f.todo, g)
	f.mu.Unlock()
}

// round continues with the queue for up to findWait, and returns the starts found
// since the last call. The next call overwrites the slice.
func (f *startFinder) round() []foundStart {
	if len(f.asked) == 0 {
		return nil
	}
	f.mu.Lock()
	waiting := len(f.todo)
	f.mu.Unlock()
	for i := range f.calls[:min(waiting, findCalls)] {
		f.pool.Start(&f.calls[i], 0)
	}
	f.pool.Wait(findWait)
	f.mu.Lock()
	f.taken, f.found = f.found, f.taken[:0]
	f.mu.Unlock()
	for _, s := range f.taken {
		delete(f.asked, s.group)
	}
	return f.taken
}

// run looks up one group after the other until the queue is empty. It runs in a
// goroutine of the pool.
func (f *startFinder) run() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.todo) > 0 {
		g := f.todo[0]
		f.todo = f.todo[1:]
		f.mu.Unlock()
		since := f.oldest(g.Path)
		f.mu.Lock()
		f.found = append(f.found, foundStart{g, since})
	}
}

// oldest returns when the oldest task of a group started, in nanoseconds since boot;
// 0 if it has none.
func (f *startFinder) oldest(path string) (since int64) {
	n := 0
	for line := range bytes.Lines(f.tasks(path)) {
		tid := strings.TrimSpace(string(line))
		if at := readStart("/proc/" + tid + "/stat"); at > 0 && (since == 0 || at < since) {
			since = at
		}
		if n++; n == findMost {
			break
		}
	}
	return since
}

// tasks returns the text of a group's cgroup.procs, or of cgroup.threads if the group
// is threaded; nil if neither can be read.
func (f *startFinder) tasks(path string) []byte {
	for _, dir := range f.lists {
		b, err := os.ReadFile(dir + path + "/cgroup.procs")
		if errors.Is(err, syscall.EOPNOTSUPP) {
			b, err = os.ReadFile(dir + path + "/cgroup.threads")
		}
		if err == nil {
			return b
		}
	}
	return nil
}

func (f *startFinder) close() { f.pool.Close() }

// readStart returns when a task started, in nanoseconds since boot, from its stat
// file (proc_pid_stat(5)); 0 if that cannot be read.
func readStart(file string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return 0
	}
	// The name in parentheses may contain any byte: fields are counted from the last ')'.
	const startTime, perTick = 19, 1e9 / 100 // USER_HZ is 100
	name := bytes.LastIndexByte(b, ')')
	fields := bytes.Fields(b[name+1:])
	if name < 0 || len(fields) <= startTime {
		return 0
	}
	ticks, err := strconv.ParseInt(string(fields[startTime]), 10, 64)
	if err != nil || ticks > 1<<53 {
		return 0
	}
	return max(ticks, 1) * perTick
}
