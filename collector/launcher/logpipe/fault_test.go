package logpipe

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig"
)

var testFields = []Field{{"SYSLOG_IDENTIFIER", "test"}, {"CONTAINER_ID", strings.Repeat("0123456789abcdef", 4)}}

// number writes the lines from "from" to "to" to stdout.
func (r *running) number(from, to int) {
	var b strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
		if b.Len() > 1<<16 || i == to {
			r.write(0, b.String())
			b.Reset()
		}
	}
}

// checkNumbers fails the test unless the lines from 1 to n came in order: each once or,
// where LINE_RESENT says so, once more. It returns how often one came again.
func checkNumbers(t *testing.T, entries []map[string]string, n int) (repeated int) {
	t.Helper()
	next, marked := 1, 0
	for _, e := range entries {
		text, ok := strings.CutPrefix(e["MESSAGE"], "line ")
		if !ok || e["MESSAGE_ID"] == entry.PipeReport {
			continue
		}
		if e["LINE_RESENT"] == "1" {
			marked++
		}
		i, err := strconv.Atoi(text)
		switch {
		case err == nil && i == next:
			next++
		case err == nil && i < next && e["LINE_RESENT"] == "1":
			repeated++
		default:
			t.Fatalf("after line %d comes %q", next-1, e)
		}
	}
	if next != n+1 {
		t.Errorf("%d lines of %d arrived", next-1, n)
	}
	return repeated
}

// reports returns the reports among entries.
func reports(entries []map[string]string) (all []map[string]string) {
	for _, e := range entries {
		if e["MESSAGE_ID"] == entry.PipeReport {
			all = append(all, e)
		}
	}
	return all
}

// A receiver that ends again and again, with datagrams in its queue, loses no line. What
// it may have had already is marked.
func TestReceiverRestarts(t *testing.T) {
	const n, restarts = 200_000, 5
	r := newReceiver(t)
	p := run(t, Options{Socket: r.path, Fields: testFields})
	go func() {
		for i := range 10 {
			p.number(i*n/10+1, (i+1)*n/10)
			time.Sleep(5 * time.Millisecond)
		}
		p.in[0].Close()
		p.in[1].Close()
	}()
	for i := range restarts {
		r.wait((i + 1) * n / (restarts + 2))
		r.hold.Lock()
		time.Sleep(20 * time.Millisecond) // the queue fills
		go r.hold.Unlock()
		r.stop()
		time.Sleep(20 * time.Millisecond)
		r.start()
	}
	<-p.ended
	stats := p.end()
	rig.Eventually(t, patience, func() error { // the last ones
		if got := len(r.got()); got < int(stats.Entries) {
			return fmt.Errorf("%d entries", got)
		}
		return nil
	})
	got := r.got()
	repeated := checkNumbers(t, got, n)
	said := reports(got)
	if stats.Lost() || stats.Lines != n || stats.Away == 0 || stats.Resent == 0 || len(said) == 0 {
		t.Errorf("%+v, %d reports", stats, len(said))
	}
	for _, e := range said {
		if e["PRIORITY"] != "4" || e["CONTAINER_ID"] == "" || e["AWAY_USEC"] == "" || e["STREAM"] != "" {
			t.Errorf("a report is %q", e)
		}
	}
	t.Logf("%+v, %d lines came twice", stats, repeated)
}

// Where a pipe may wait, the task waits for a receiver that takes nothing, and no line is
// lost.
func TestBackPressure(t *testing.T) {
	const n = 50_000
	r := newReceiver(t)
	r.hold.Lock()
	p := run(t, Options{Socket: r.path, Fields: testFields})
	written := make(chan struct{})
	go func() {
		p.number(1, n)
		close(written)
	}()
	select {
	case <-written:
		t.Error("the task does not wait")
	case <-time.After(200 * time.Millisecond):
	}
	r.hold.Unlock()
	<-written
	if stats := p.end(); stats.Lost() || stats.Resent > 0 {
		t.Errorf("%+v", stats)
	}
	checkNumbers(t, r.wait(n), n)
}

// Where a pipe must not wait, the oldest lines are dropped. A report in their place says
// how many.
func TestDrop(t *testing.T) {
	const n = 100_000
	r := newReceiver(t)
	r.hold.Lock()
	p := run(t, Options{Socket: r.path, Fields: testFields, Drop: true, Buffer: MinBuffer})
	p.number(1, n)
	time.Sleep(50 * time.Millisecond)
	r.hold.Unlock()
	p.number(n+1, n+1)
	stats := p.end()
	if stats.Lines != n+1 || stats.DroppedLines == 0 {
		t.Errorf("%+v", stats)
	}
	var kept, missing, next = 0, 0, 1
	for _, e := range r.wait(int(stats.Entries - stats.DroppedLines)) {
		if e["MESSAGE_ID"] == entry.PipeReport {
			lost, err := strconv.Atoi(e["LOST_LINES"])
			if err != nil || lost == 0 || e["LOST_BYTES"] == "" {
				t.Errorf("a report is %q", e)
			}
			missing += lost
			next += lost
			continue
		}
		if e["MESSAGE"] != fmt.Sprintf("line %d", next) {
			t.Fatalf("%q, want line %d", e["MESSAGE"], next)
		}
		next++
		kept++
	}
	if kept+missing != n+1 || missing != int(stats.DroppedLines) {
		t.Errorf("%d lines came, %d are said to be missing, of %d: %+v", kept, missing, n+1, stats)
	}
}

// A pipe that has lost journald gives up ExitWait after the task has ended, and says what
// it could not deliver.
func TestGivesUp(t *testing.T) {
	r := newReceiver(t)
	p := run(t, Options{Socket: r.path, ExitWait: 50 * time.Millisecond})
	p.write(0, "first\n")
	r.wait(1)
	r.stop()
	p.write(0, "second\nthird\n")
	stats := p.end()
	if !stats.Lost() || stats.DroppedLines+stats.Unconfirmed < 2 || stats.Away != 1 || stats.AwayTime == 0 {
		t.Errorf("%+v", stats)
	}
}

// A line that journald had in its queue when it ended is sent again although nothing
// more is printed.
func TestLastLine(t *testing.T) {
	r := newReceiver(t)
	p := run(t, Options{Socket: r.path})
	p.write(0, "line 1\n")
	r.wait(1)
	r.hold.Lock()
	p.write(0, "line 2\n") // it is received, as recvmsg waits already
	p.write(0, "line 3\n")
	time.Sleep(20 * time.Millisecond)
	go r.hold.Unlock()
	r.stop()
	r.start()
	rig.Eventually(t, patience, func() error {
		for _, e := range r.got() {
			if e["MESSAGE"] == "line 3" {
				return nil
			}
		}
		return fmt.Errorf("%q", r.got())
	})
	p.end()
	checkNumbers(t, r.got(), 3)
}

// Once it is told to end, a pipe takes what comes within ExitWait, and then ends although
// the task has not.
func TestStopped(t *testing.T) {
	r := newReceiver(t)
	p := run(t, Options{Socket: r.path, ExitWait: 200 * time.Millisecond})
	p.stop()
	p.write(0, "line 1\nline")
	r.wait(1)
	<-p.ended
	if p.stats.Lines != 2 || p.stats.Lost() {
		t.Errorf("%+v", p.stats)
	}
}
