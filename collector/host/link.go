package host

import (
	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
)

const (
	linkAttrs   = metric.IfProtocolType - metric.IfCarrier + 1
	linkRefresh = 60 // ticks between two readings of attributes that rarely change

	// Indexes into link.attrs.

	carrierAttr = 0
	speedAttr   = metric.IfSpeed - metric.IfCarrier
)

// linkFiles are the names of files in /sys/class/net/<interface>, by column. Those
// that linkQuery reads are not among them.
var linkFiles = [linkAttrs]string{
	metric.IfCarrierChanges - metric.IfCarrier: "carrier_changes",
	metric.IfCarrierUps - metric.IfCarrier:     "carrier_up_count",
	metric.IfCarrierDowns - metric.IfCarrier:   "carrier_down_count",
	metric.IfMTU - metric.IfCarrier:            "mtu",
	metric.IfTxQueueLen - metric.IfCarrier:     "tx_queue_len",
	metric.IfFlags - metric.IfCarrier:          "flags",
	metric.IfIndex - metric.IfCarrier:          "ifindex",
	metric.IfProtocolType - metric.IfCarrier:   "type",
}

// link is one interface in sysfs. It holds only the file operstate open, because a
// host may have thousands of interfaces. The other files are opened for each reading.
type link struct {
	dir   int              // descriptor of /sys/class/net
	base  []byte           // "<interface>/"; never changed, as linkQuery reads it in another goroutine
	path  []byte           // memory for paths
	fd    int              // descriptor of operstate, -1 if it is not open
	errno unix.Errno       // error of the last access to operstate, 0 if there was none
	wait  int              // readings until operstate is opened again
	up    int64            // value of metric.IfUp at the last refresh
	read  bool             // the attributes have been read
	due   bool             // linkQuery is to read carrier and speed
	asked bool             // linkQuery is reading carrier and speed
	attrs [linkAttrs]int64 // columns from metric.IfCarrier on
}

func newLink(dir int, name string) *link {
	l := &link{dir: dir, base: append([]byte(name), '/'), fd: -1}
	l.attrs[carrierAttr], l.attrs[speedAttr] = metric.Absent, metric.Absent
	l.open()
	return l
}

// open opens operstate.
func (l *link) open() {
	if l.fd, l.errno = l.openat("operstate"); l.errno != 0 {
		l.fd, l.wait = -1, retryReads
	}
}

// openat opens a file of the interface.
func (l *link) openat(file string) (int, unix.Errno) {
	l.path = append(append(append(l.path[:0], l.base...), file...), 0)
	return openAt(l.dir, l.path)
}

// state reads operstate. text is nil if the file cannot be opened. alive is false if
// the interface was removed, even if there is a new one with the same name.
func (l *link) state(buf *[]byte) (text []byte, alive bool) {
	if l.fd < 0 {
		if l.wait--; l.wait > 0 {
			return nil, true
		}
		if l.open(); l.fd < 0 {
			return nil, true
		}
	}
	n, errno := pread(l.fd, buf)
	if l.errno = errno; errno != 0 {
		return nil, false
	}
	return (*buf)[:n], true
}

// isDue reports whether the attributes are to be read: at the first call, when up has
// changed, and once in linkRefresh turns. turn is the tick plus the number of the row,
// so that not all interfaces are read at the same tick.
func (l *link) isDue(up int64, turn uint64) bool {
	if l.read && l.up == up && turn%linkRefresh != 0 {
		return false
	}
	l.read, l.up = true, up
	return true
}

// refresh reads the attributes of linkFiles, and asks linkQuery to read the others.
func (l *link) refresh(buf *[]byte) {
	l.due = true
	for i, name := range linkFiles {
		if name == "" {
			continue
		}
		fd, errno := l.openat(name)
		if errno != 0 {
			l.attrs[i] = metric.Absent
			continue
		}
		l.attrs[i] = linkAttr(i+metric.IfCarrier, fd, buf)
		unix.Close(fd)
	}
}

// linkAttr reads the attribute of a column from the file's descriptor. It returns
// metric.Absent if there is no value; speed is in bytes per second.
func linkAttr(column, fd int, buf *[]byte) int64 {
	// The kernel returns EINVAL for carrier if the interface is down, and for speed
	// if the interface has none.
	n, errno := pread(fd, buf)
	if errno != 0 {
		return metric.Absent
	}
	line, _ := nextLine((*buf)[:n])
	switch column {
	case metric.IfSpeed: // Mbit/s, -1 if unknown
		return scaled(line, 1_000_000/8)
	case metric.IfFlags: // such as 0x1003
		if len(line) < 3 {
			return metric.Absent
		}
		if v, ok := parseHex(line[2:]); ok {
			return v
		}
		return metric.Absent
	}
	return scaled(line, 1)
}

func (l *link) close() {
	if l.fd >= 0 {
		unix.Close(l.fd)
		l.fd = -1
	}
}
