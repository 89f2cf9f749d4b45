package host

import (
	"bytes"
	"regexp"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/bounded"
)

// ifaceReader reads the counters of interfaces from /proc/net/dev, and the state of
// each interface from sysfs.
type ifaceReader struct {
	file  *file
	t     *table
	ns    netNS
	query *linkQuery
	wants nameFilter
}

func newIfaceReader(ns netNS, exclude *regexp.Regexp) *ifaceReader {
	r := &ifaceReader{
		file: newFile(ns.proc + "/dev"), t: newTable(metric.Interface, deviceLabel),
		ns: ns, query: newLinkQuery(ns.dir), wants: nameFilter{exclude: exclude},
	}
	r.t.gone = func(e *entry) {
		if e.link != nil {
			e.link.close()
		}
	}
	return r
}

// ask reads the files that the kernel answers at once, and starts a call in the pool
// for the others.
func (r *ifaceReader) ask(pool *bounded.Pool, buf *[]byte, now time.Time) {
	r.t.begin()
	r.parse(r.file.read(buf))
	if r.ns.dir >= 0 {
		for i, e := range r.t.next {
			r.readLink(e, i, buf)
		}
		r.query.start(pool, r.t.next, now)
	}
}

// read completes the rows of this tick with the replies that have come.
func (r *ifaceReader) read(now time.Time) *frame.Table {
	r.query.settle()
	hangs := r.query.hangs(now)
	for _, e := range r.t.next {
		l := e.link
		if l == nil || !l.read || l.fd < 0 {
			continue
		}
		vals := r.t.vals(e)
		copy(vals[metric.IfCarrier:], l.attrs[:])
		if hangs && (l.due || l.asked) {
			vals[metric.IfCarrier], vals[metric.IfSpeed] = metric.Absent, metric.Absent
		}
	}
	return r.t.end()
}

// parse reads lines "name: 16 numbers" below two heading lines. The last colon ends
// the name, because the names of old aliases ("eth0:1") contain a colon.
func (r *ifaceReader) parse(b []byte) {
	for len(b) > 0 {
		var line []byte
		line, b = nextLine(b)
		i := bytes.LastIndexByte(line, ':')
		if i < 0 {
			continue
		}
		name := bytes.TrimLeft(line[:i], " ")
		if len(name) == 0 || !r.wants.want(name) {
			continue
		}
		if e := r.t.add(name); e != nil {
			parseColumns(line[i+1:], r.t.vals(e)[metric.IfRxBytes:metric.IfTxCompressed+1], 1)
		}
	}
}

// readLink reads an interface's operational state at each tick, and its other
// attributes less often. The read of the state fails if the interface was removed:
// this distinguishes it from a new interface with the same name. nth is the number of
// the interface's row.
func (r *ifaceReader) readLink(e *entry, nth int, buf *[]byte) {
	if e.link == nil {
		e.link = newLink(r.ns.dir, e.name)
	}
	state, alive := e.link.state(buf)
	if !alive {
		e.link.close()
		e.link = newLink(r.ns.dir, e.name)
		r.t.renew(e)
		state, _ = e.link.state(buf)
	}
	vals := r.t.vals(e)
	if state == nil {
		return
	}
	vals[metric.IfUp] = 0
	if bytes.Equal(bytes.TrimSpace(state), operUp) {
		vals[metric.IfUp] = 1
	}
	if e.link.isDue(vals[metric.IfUp], r.t.tick+uint64(nth)) {
		e.link.refresh(buf)
	}
}

var operUp = []byte("up")

// status describes what of the interfaces in sysfs cannot be read.
func (r *ifaceReader) status(now time.Time) []Status {
	switch {
	case r.ns.sys == "":
		return []Status{{
			Source: "/sys/class/net",
			Reason: "shows another network namespace than the host's: mount the host's /sys and name it",
		}}
	case r.ns.dir < 0:
		return []Status{{Source: r.ns.sys, Reason: explain(r.ns.errno)}}
	case r.ns.own && r.file.errno == 0 && len(r.t.list) > 0 && r.t.list[0].link.fd < 0:
		return []Status{{Source: r.ns.sys, Reason: explain(r.t.list[0].link.errno)}}
	case r.query.hangs(now):
		return []Status{{
			Source: r.ns.sys,
			Reason: "carrier and speed of interfaces cannot be read: a network driver holds the lock of the network " +
				"configuration",
		}}
	}
	return nil
}

func (r *ifaceReader) close() {
	if r.ns.dir >= 0 && !r.query.call.UnderWay() { // a call under way still uses dir
		unix.Close(r.ns.dir)
		r.ns.dir = -1
	}
	for _, e := range r.t.byName {
		if e.link != nil {
			e.link.close()
		}
	}
}
