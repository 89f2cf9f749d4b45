package logpipe

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

// reportPriority is warning.
const reportPriority = 4

// notice is what a report says.
type notice struct {
	lines, bytes uint64 // dropped
	resent       uint64 // lines
	suppressed   uint64 // entries
	away         time.Duration
	returned     bool // journald was away
	restarted    bool // see Options.Restarted
}

func (n *notice) any() bool { return n.lines > 0 || n.returned || n.suppressed > 0 || n.restarted }

func (n *notice) addTo(m *notice) {
	m.lines += n.lines
	m.bytes += n.bytes
	m.resent += n.resent
	m.suppressed += n.suppressed
	m.away += n.away
	m.returned = m.returned || n.returned
	m.restarted = m.restarted || n.restarted
}

// drop drops the oldest batches until the rest fits into the buffer.
func (p *pipe) drop() {
	for p.q.unsent > p.Buffer && len(p.q.all)-p.q.sent > 1 {
		lines, bytes, unsaid := p.q.dropFirst()
		p.DroppedLines += lines
		p.DroppedBytes += bytes
		unsaid.lines += lines
		unsaid.bytes += bytes
		unsaid.addTo(&p.gap)
	}
}

// addReport puts a report before what is sent next, if there is something to report.
func (p *pipe) addReport() {
	if !p.gap.any() {
		return
	}
	n := p.gap
	p.gap = notice{}
	var says []string
	var fields []byte
	say := func(field string, value uint64, format string, args ...any) {
		fields = appendField(fields, field, strconv.FormatUint(value, 10))
		says = append(says, fmt.Sprintf(format, args...))
	}
	if n.restarted {
		say(entry.PipeRestarted, 1, "the process that writes this log was killed, and what it had read is missing here: "+
			"up to some hundred KiB")
	}
	if n.returned {
		say(entry.PipeAway, uint64(n.away.Microseconds()), "journald was not reachable for %v",
			n.away.Round(time.Millisecond))
	}
	if n.resent > 0 {
		say(entry.PipeResent, n.resent, "%d lines follow that it may have had already: they have LINE_RESENT=1", n.resent)
	}
	if n.lines > 0 {
		fields = appendField(fields, "LOST_BYTES", strconv.FormatUint(n.bytes, 10))
		say(entry.PipeLost, n.lines, "%d lines (%d bytes) are missing here: journald did not take them in time",
			n.lines, n.bytes)
	}
	if n.suppressed > 0 {
		say(entry.PipeSuppressed, n.suppressed, "journald's rate limit suppressed %d lines of this output "+
			"(set LogRateLimitIntervalSec=0 for the unit, or RateLimitIntervalSec=0 in journald.conf)", n.suppressed)
	}
	fields = appendField(fields, "MESSAGE_ID", entry.PipeReport)
	b := p.q.unused(0)
	b.notice = n
	b.add(fields, p.report[reportPriority], []byte(entry.PipePrefix+strings.Join(says, "; ")))
	p.q.insert(b)
}
