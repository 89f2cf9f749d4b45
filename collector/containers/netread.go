package containers

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
)

// read appends the rows of one namespace.
func (n *NetReader) read(e *netEntry) {
	if e.fd < 0 {
		fd := n.proc.openNetDev(strconv.Itoa(e.pid))
		if fd < 0 {
			return // the process ended; the runtime reports that
		}
		n.parse(e, n.slurp(fd))
		n.keepOpen(e, fd)
		return
	}
	n.parse(e, n.slurp(e.fd))
}

// maxNetDev is the most text that is read of one namespace, in bytes: about 8,000
// interfaces.
const maxNetDev = 1 << 20

// slurp reads a file from its beginning into the reader's buffer.
func (n *NetReader) slurp(fd int) []byte {
	size := 0
	for {
		m, err := unix.Pread(fd, n.buf[size:], int64(size))
		if err == unix.EINTR {
			continue
		}
		if m <= 0 || err != nil {
			return n.buf[:size]
		}
		if size += m; size == len(n.buf) {
			if size >= maxNetDev {
				return n.buf[:size]
			}
			n.buf = append(n.buf, make([]byte, size)...)
		}
	}
}

// parse appends a row for each interface in the text of net/dev.
func (n *NetReader) parse(e *netEntry, b []byte) {
	width := metric.Width(metric.ContainerNet)
	i := 0
	for len(b) > 0 {
		var name []byte
		var vals [metric.NetTxDropped + 1]int64
		var ok bool
		if name, vals, b, ok = parseNetDev(b); !ok || ignored(name) {
			continue
		}
		if i == len(e.names) {
			e.names = append(e.names, clean(string(name), maxLabelKey))
		} else if e.names[i] != string(name) {
			if s := clean(string(name), maxLabelKey); e.names[i] != s {
				e.names[i] = s
			}
		}
		n.table.Rows = append(n.table.Rows, NetRow{e.path, e.names[i]})
		n.table.Vals = append(n.table.Vals, vals[:width]...)
		i++
	}
	e.names = e.names[:i]
}

// openNetDev opens /proc/PID/net/dev and returns its descriptor, or -1 on an error.
func (p procfs) openNetDev(process string) int {
	fd, err := unix.Open(string(p)+"/"+process+"/net/dev", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

// netns returns an id of the network namespace of an open net/dev file, or 0 on an
// error. The id is the file's inode: procfs has separate net/dev files for each
// namespace, which exist as long as the namespace (proc_create_net_data in
// fs/proc/proc_net.c).
func netns(fd int) uint64 {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0
	}
	return st.Ino
}
