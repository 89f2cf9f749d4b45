package host

import (
	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
)

const (
	linkAttrs   = metric.IfProtocolType - metric.IfCarrier + 1
	linkRefresh = 60 // ticks between readings of what rarely changes
)

// Files below /sys/class/net/<interface>, by column.
var linkFiles = [linkAttrs]string{
	0: "carrier",
	metric.IfCarrierChanges - metric.IfCarrier: "carrier_changes",
	metric.IfCarrierUps - metric.IfCarrier:     "carrier_up_count",
	metric.IfCarrierDowns - metric.IfCarrier:   "carrier_down_count",
	metric.IfMTU - metric.IfCarrier:            "mtu",
	metric.IfSpeed - metric.IfCarrier:          "speed",
	metric.IfTxQueueLen - metric.IfCarrier:     "tx_queue_len",
	metric.IfFlags - metric.IfCarrier:          "flags",
	metric.IfIndex - metric.IfCarrier:          "ifindex",
	metric.IfProtocolType - metric.IfCarrier:   "type",
}

// link is one interface in sysfs. It keeps one descriptor, of operstate, and
// opens the rest for a moment: a host may have thousands of interfaces, and
// some drivers take their time over speed.
type link struct {
	dir   []byte // …/class/net/<interface>/
	path  []byte
	fd    int // operstate
	errno unix.Errno
	wait  int
	up    int64
	read  bool
	attrs [linkAttrs]int64
}

func newLink(sys, name string) *link {
	l := &link{dir: []byte(sys + "/" + name + "/"), fd: -1}
	l.path = make([]byte, 0, len(l.dir)+32)
	l.fd, l.errno = openPath(l.at("operstate"))
	if l.errno != 0 {
		l.fd, l.wait = -1, retryReads
	}
	return l
}

func (l *link) at(file string) []byte {
	l.path = append(append(append(l.path[:0], l.dir...), file...), 0)
	return l.path
}

// state reads operstate. It is not alive if the interface was removed, even
// though there may be one of this name again.
func (l *link) state(buf *[]byte) (text []byte, alive bool) {
	if l.fd < 0 {
		l.wait--
		return nil, l.wait > 0
	}
	n, errno := pread(l.fd, buf)
	if l.errno = errno; errno != 0 {
		return nil, false
	}
	return (*buf)[:n], true
}

// due tells whether to refresh: at first, when the state changed, and each
// interface in its turn.
func (l *link) due(up int64, turn uint64) bool {
	if l.read && l.up == up && turn%linkRefresh != 0 {
		return false
	}
	l.read, l.up = true, up
	return true
}

func (l *link) refresh(buf *[]byte) {
	for i, name := range linkFiles {
		l.attrs[i] = l.attr(i+metric.IfCarrier, name, buf)
	}
}

func (l *link) attr(column int, name string, buf *[]byte) int64 {
	fd, errno := openPath(l.at(name))
	if errno != 0 {
		return metric.Absent
	}
	// carrier of an interface that is down, and speed of one that has none,
	// answer EINVAL.
	n, errno := pread(fd, buf)
	unix.Close(fd)
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
