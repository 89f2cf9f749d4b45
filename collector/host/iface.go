package host

import (
	"bytes"
	"regexp"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// ifaceReader reads /proc/net/dev, and the state of each interface from sysfs.
type ifaceReader struct {
	file  *file
	t     *table
	sys   string // …/class/net, "" if there is none
	own   bool
	wants verdicts
}

func newIfaceReader(ns netNS, exclude *regexp.Regexp) *ifaceReader {
	r := &ifaceReader{
		file: newFile(ns.proc + "/dev"), t: newTable(metric.Interface, deviceLabel),
		sys: ns.sys, own: ns.own, wants: verdicts{exclude: exclude},
	}
	r.t.gone = func(e *entry) {
		if e.link != nil {
			e.link.close()
		}
	}
	return r
}

func (r *ifaceReader) read(buf *[]byte) *frame.Table {
	r.t.begin()
	r.parse(r.file.read(buf))
	if r.sys != "" {
		for i, e := range r.t.next {
			r.readLink(e, i, buf)
		}
	}
	return r.t.end()
}

// parse reads lines "name: 16 numbers" below two lines of headings. Only the
// last colon ends the name: old aliases ("eth0:1") have one in it.
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

// readLink reads the operational state each tick, which also tells an
// interface from a later one of its name, and the rest now and then.
func (r *ifaceReader) readLink(e *entry, nth int, buf *[]byte) {
	if e.link == nil {
		e.link = newLink(r.sys, e.name)
	}
	state, alive := e.link.state(buf)
	if !alive {
		e.link.close()
		e.link = newLink(r.sys, e.name)
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
	if e.link.due(vals[metric.IfUp], r.t.tick+uint64(nth)) {
		e.link.refresh(buf)
	}
	copy(vals[metric.IfCarrier:], e.link.attrs[:])
}

var operUp = []byte("up")

func (r *ifaceReader) status() []Status {
	switch {
	case r.sys == "":
		return []Status{{Source: "/sys/class/net", Reason: "shows another network namespace than the host's: mount the host's /sys and name it"}}
	case r.own && r.file.errno == 0 && len(r.t.list) > 0 && r.t.list[0].link.fd < 0:
		return []Status{{Source: r.sys, Reason: explain(r.t.list[0].link.errno)}}
	}
	return nil
}

func (r *ifaceReader) close() {
	for _, e := range r.t.byName {
		if e.link != nil {
			e.link.close()
		}
	}
}
