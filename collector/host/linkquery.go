package host

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/bounded"
)

// linkQuery reads carrier and speed of interfaces. The kernel takes its lock of the
// network configuration (RTNL) for both, and asks the driver for the speed: either may
// take long. One call reads all interfaces, because all of them wait for that lock.
type linkQuery struct {
	call  bounded.Call
	dir   int         // descriptor of /sys/class/net
	links []*link     // that the call reads; its goroutine uses only link.base
	got   []linkReply // got[i] is the reply for links[i]
	since time.Time   // when the call was started
	path  []byte      // used by the goroutine only
	buf   []byte      // used by the goroutine only
}

// linkReply holds the values of one interface, metric.Absent if there is none. speed
// is in bytes per second.
type linkReply struct{ carrier, speed int64 }

func newLinkQuery(dir int) *linkQuery {
	q := &linkQuery{dir: dir, buf: make([]byte, 4096)}
	q.call = bounded.Call{Run: q.run, Await: true}
	return q
}

// start starts a call that reads the links which are due, unless the previous call has
// not returned.
func (q *linkQuery) start(pool *bounded.Pool, entries []*entry, now time.Time) {
	if q.take(); q.call.UnderWay() {
		return
	}
	q.links = q.links[:0]
	for _, e := range entries {
		if l := e.link; l != nil && l.due {
			q.links = append(q.links, l)
		}
	}
	if len(q.links) == 0 {
		return
	}
	q.got = append(q.got[:0], make([]linkReply, len(q.links))...)
	q.since = now
	if pool.Start(&q.call, 0) {
		for _, l := range q.links {
			l.due, l.asked = false, true
		}
	}
}

// run reads the links. It runs in a goroutine of the pool.
func (q *linkQuery) run() {
	for i, l := range q.links {
		q.got[i] = linkReply{q.read(l, "carrier", metric.IfCarrier), q.read(l, "speed", metric.IfSpeed)}
	}
}

func (q *linkQuery) read(l *link, file string, column int) int64 {
	q.path = append(append(append(q.path[:0], l.base...), file...), 0)
	fd, errno := openAt(q.dir, q.path)
	if errno != 0 {
		return metric.Absent
	}
	defer unix.Close(fd)
	return linkAttr(column, fd, &q.buf)
}

// take stores the replies in the links if the call has returned.
func (q *linkQuery) take() {
	if !q.call.Take() {
		return
	}
	q.call.Await = q.call.Took() <= answerWait
	for i, l := range q.links {
		l.attrs[carrierAttr], l.attrs[speedAttr], l.asked = q.got[i].carrier, q.got[i].speed, false
	}
	clear(q.links)
	q.links = q.links[:0]
}

// settle takes the replies after the tick has waited for them. If the call has not
// returned, the following ticks do not wait for it.
func (q *linkQuery) settle() {
	if q.take(); q.call.UnderWay() {
		q.call.Await = false
	}
}

// hangs reports whether the call is overdue.
func (q *linkQuery) hangs(now time.Time) bool {
	return q.call.UnderWay() && now.Sub(q.since) > mountPatience
}
