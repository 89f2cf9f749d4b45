package containers

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// NetRow is the key of a row of kind metric.ContainerNet.
type NetRow struct {
	Path      string // of the container that the network namespace belongs to
	Interface string // valid UTF-8
}

// NetTable is one reading of the network counters of all containers. Its slices
// belong to the NetReader and are overwritten by the next Read.
type NetTable struct {
	Gen  uint64 // changes whenever Rows differs from the previous reading
	Rows []NetRow
	Vals []int64 // len(Rows) * metric.Width(metric.ContainerNet)
}

// NetReader reads the interfaces of every container that has a network namespace of its
// own, from /proc/PID/net/dev of the container's first process. The file stays open. If
// containers share a namespace, as in a pod, its rows belong to one of them: the pod's
// sandbox, or else the container with the lowest PID, which usually started first.
// Loopback is omitted, as are the interfaces that cAdvisor omits. Use it from one
// goroutine at a time.
//
// No other process can block a read: opening net/dev needs no permission to trace the
// process. Following /proc/PID/ns/net does, and waits while the process hangs in
// execve(2).
//
// An open file keeps its namespace alive. It is closed by the first Read that does not
// get the container, or gets it with another PID.
type NetReader struct {
	proc    procfs
	host    uint64 // the host's network namespace: see netns
	maxOpen int    // the most descriptors that may stay open
	open    int
	tick    uint64
	changed bool
	entries map[string]*netEntry
	order   []*netEntry
	buf     []byte
	table   NetTable
	before  []NetRow
	visit   func(string, *Identity) bool
}

type netEntry struct {
	path    string
	pid     int
	ns      uint64 // its namespace: see netns; 0 = could not be read
	sandbox bool
	owner   bool // the rows of its namespace belong to it
	fd      int  // -1 = none
	tick    uint64
	names   []string // of interfaces, in the order of the file
}

// NewNetReader returns a reader. proc is where procfs is mounted ("" = /proc). The
// reader keeps at most a quarter of the process's descriptor limit open. It opens
// further files anew at every Read.
func NewNetReader(proc string) *NetReader {
	if proc == "" {
		proc = "/proc"
	}
	n := &NetReader{proc: procfs(proc), entries: map[string]*netEntry{}, buf: make([]byte, 16<<10), maxOpen: 256}
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) == nil {
		n.maxOpen = int(min(lim.Cur, 1<<20) / 4)
	}
	for _, process := range []string{"1", "self"} {
		if n.host != 0 {
			break
		}
		if fd := n.proc.openNetDev(process); fd >= 0 {
			n.host = netns(fd)
			unix.Close(fd)
		}
	}
	n.visit = n.meet
	return n
}

// Read reads the counters of all containers that groups yields as path and identity of a
// cgroup. It skips those without ContainerID or PID. It allocates nothing while
// containers and interfaces stay the same, unless groups allocates.
func (n *NetReader) Read(groups func(yield func(path string, id *Identity) bool)) *NetTable {
	n.tick++
	n.order = n.order[:0]
	groups(n.visit)
	if len(n.order) != len(n.entries) {
		n.sweep()
	}
	if n.changed {
		n.choose()
		n.changed = false
	}
	n.before, n.table.Rows = n.table.Rows, n.before[:0]
	n.table.Vals = n.table.Vals[:0]
	for _, e := range n.order {
		if e.owner {
			n.read(e)
		}
	}
	if n.tick == 1 || !slices.Equal(n.before, n.table.Rows) {
		n.table.Gen++
	}
	return &n.table
}

// Close closes all descriptors. The reader can be used again.
func (n *NetReader) Close() {
	for _, e := range n.entries {
		n.release(e)
	}
	clear(n.entries)
	n.changed = true
}

func (n *NetReader) meet(path string, id *Identity) bool {
	if id == nil || id.PID == 0 || id.ContainerID == "" {
		return true
	}
	e := n.entries[path]
	if e == nil {
		e = &netEntry{path: path, fd: -1}
		n.entries[path] = e
	}
	if e.pid != id.PID || e.ns == 0 && n.tick%8 == 0 {
		n.release(e)
		e.pid, e.ns, e.sandbox = id.PID, 0, id.Label("container") == "POD"
		if fd := n.proc.openNetDev(strconv.Itoa(e.pid)); fd >= 0 {
			e.ns = netns(fd)
			n.keepOpen(e, fd)
		}
		n.changed = true
	}
	if e.tick != n.tick {
		e.tick = n.tick
		n.order = append(n.order, e)
	}
	return true
}

// sweep drops the containers that the current Read did not get.
func (n *NetReader) sweep() {
	for path, e := range n.entries {
		if e.tick != n.tick {
			n.release(e)
			delete(n.entries, path)
			n.changed = true
		}
	}
}

// choose picks the container of each namespace to which its rows belong.
func (n *NetReader) choose() {
	owners := make(map[uint64]*netEntry, len(n.entries))
	for _, e := range n.order {
		if e.ns == 0 || e.ns == n.host {
			e.owner = false
			continue
		}
		if o := owners[e.ns]; o == nil || e.before(o) {
			owners[e.ns] = e
		}
	}
	for _, e := range n.order {
		e.owner = owners[e.ns] == e && e.ns != 0
		if !e.owner {
			n.release(e)
		}
	}
}

func (e *netEntry) before(o *netEntry) bool {
	switch {
	case e.sandbox != o.sandbox:
		return e.sandbox
	case e.pid != o.pid:
		return e.pid < o.pid
	}
	return e.path < o.path
}

// keepOpen stores a descriptor, or closes it if the limit is reached.
func (n *NetReader) keepOpen(e *netEntry, fd int) {
	if n.open >= n.maxOpen {
		unix.Close(fd)
		return
	}
	e.fd = fd
	n.open++
}

func (n *NetReader) release(e *netEntry) {
	if e.fd >= 0 {
		unix.Close(e.fd)
		e.fd = -1
		n.open--
	}
	e.names = e.names[:0]
}
