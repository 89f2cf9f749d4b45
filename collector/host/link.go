package host

import (
	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
)

const (
	linkAttrs   = metric.IfProtocolType - metric.IfCarrier + 1
	linkRefresh = 60 // ticks between readings of what rarely changes

	carrierAttr = 0
	speedAttr   = metric.IfSpeed - metric.IfCarrier
)

// Files below /sys/class/net/<interface>, by column. The files of a linkQuery are
// not among them.
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

// link is one interface in sysfs. It keeps one descriptor open, of operstate, and
// opens the rest for a moment: a host may have thousands of interfaces.
type link struct {
	dir   int    // of /sys/class/net
	base  []byte // "<interface>/"; a linkQuery reads it meanwhile
	path  []byte // scratch
	fd    int    // operstate
	errno unix.Errno
	wait  int // readings until operstate is opened again
	up    int64
	read  bool
	due   bool // a linkQuery is to read carrier and speed
	asked bool // a linkQuery does
	attrs [linkAttrs]int64
}

func newLink(dir int, name string) *link {
	l := &link{dir: dir, base: append([]byte(name), '/'), fd: -1}
	l.attrs[carrierAttr], l.attrs[speedAttr] = metric.Absent, metric.Absent
	l.open()
	return l
}

func (l *link) open() {
	if l.fd, l.errno = l.openat("operstate"); l.errno != 0 {
		l.fd, l.wait = -1, retryReads
	}
}

func (l *link) openat(file string) (int, unix.Errno) {
	l.path = append(append(append(l.path[:0], l.base...), file...), 0)
	return openAt(l.dir, l.path)
}

// state reads operstate. It is not alive if the interface was removed, even
// though there may be one of this name again.
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

// isDue reports whether to refresh: at first, when the state changed, and each
// interface in its turn.
func (l *link) isDue(up int64, turn uint64) bool {
	if l.read && l.up == up && turn%linkRefresh != 0 {
		return false
	}
	l.read, l.up = true, up
	return true
}

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

// linkAttr reads an attribute from its descriptor.
func linkAttr(column, fd int, buf *[]byte) int64 {
	// carrier of an interface that is down, and speed of one that has none,
	// answer EINVAL.
	n, errno := pread(fd, buf)
	if errno != 0 {
		return metric.Absent
	}
	line, _ := nextLine((*buf)[:n])
	switch column {
	case metric.IfSpeed: // Mbit/s, -1 if unknown
		return scaled(line, 1_000_000/8)
	case metric.IfFlags: // 0x1003
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
