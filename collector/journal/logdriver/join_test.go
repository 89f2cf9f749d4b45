package logdriver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

// check joins entries both ways.
func (m *maker) check(t *testing.T, want ...string) {
	t.Helper()
	equal(t, t.Name()+" forward", forward(m.all), want...)
	equal(t, t.Name()+" backward", backward(m.all), want...)
}

func TestOldForm(t *testing.T) {
	var m maker
	m.docker('a', false, "before")
	m.docker('a', false, full16, fieldPartial, "true")
	m.docker('a', true, full16, fieldPartial, "true")
	m.docker('b', false, "other")
	m.docker('a', false, full16, fieldPartial, "true")
	m.docker('a', true, "err end")
	m.add("MESSAGE", "of no container")
	m.docker('a', false, "out end\r")
	m.docker('a', false, "after")
	m.check(
		t,
		"a6 c1 before",
		"b6 c4 other",
		"a3 c6 pppppppppp… end(16391)",
		" c7 of no container",
		"a6 c8 pppppppppp…end\r(32776)",
		"a6 c9 after",
	)
}

// Some versions of Docker flag the last piece, too, and so does conmon at the end.
func TestOldFormFlagsAll(t *testing.T) {
	var m maker
	m.docker('a', false, full16, fieldPartial, "true")
	m.docker('a', false, "end", fieldPartial, "true")
	m.docker('a', false, "next")
	m.docker('a', false, "alone", fieldPartial, "true")
	m.docker('a', false, "last")
	m.podman('d', false, full8, fieldPartial, "true")
	m.podman('d', false, "end", fieldPartial, "true")
	m.podman('d', false, "next\n")
	m.check(
		t,
		"a6 c2 pppppppppp…pend(16387)",
		"a6 c3 next",
		"a6 c4 alone",
		"a6 c5 last",
		"d6 c7 qqqqqqqqqq…qend(8195)",
		"d6 c8 next",
	)
}

func TestNewForm(t *testing.T) {
	var m maker
	m.piece('a', false, "1", "x", 1, false)
	m.piece('a', true, "A", "y", 1, false)
	m.piece('a', false, "2", "x", 2, false)
	m.piece('a', true, "B", "y", 2, true)
	m.piece('a', false, "3", "x", 3, true)
	m.docker('a', false, "4")
	m.piece('a', false, "5", "z", 1, true)
	m.check(t, "a3 c4 AB", "a6 c5 123", "a6 c6 4", "a6 c7 5")
}

func TestMissingPieces(t *testing.T) {
	var m maker
	m.piece('a', false, "2", "x", 2, false)
	m.piece('a', false, "3", "x", 3, true)
	m.piece('a', false, "1", "y", 1, false)
	m.piece('a', false, "3", "y", 3, true)
	m.piece('a', false, "1", "z", 1, false)
	m.docker('a', false, "whole")
	m.docker('b', false, full16, fieldPartial, "true")
	m.piece('b', false, "1", "w", 1, true)
	equal(
		t,
		"forward",
		forward(m.all),
		"! partial_lost",
		"a6 c2 23 +",
		"! partial_lost",
		"a6 c4 13 +",
		"a6 c5 1 +",
		"a6 c6 whole",
		"b6 c7 pppppppppp…pppp(16384) +",
		"b6 c8 1",
	)
}

// A piece waits for the time limit, and what follows it later is marked.
func TestTimeLimit(t *testing.T) {
	var m maker
	m.docker('a', false, full16, fieldPartial, "true")
	m.piece('b', false, "1", "x", 1, false)
	m.n += int(TimeLimit/time.Millisecond) - 3
	m.docker('c', false, "still")
	m.n += 3
	m.docker('c', false, "late")
	m.docker('a', false, "new line")
	m.piece('b', false, "2", "x", 2, true)
	m.check(
		t,
		"c6 c5000 still",
		"a6 c1 pppppppppp…pppp(16384) +",
		"b6 c2 1 +",
		"c6 c5004 late",
		"a6 c5005 new line",
		"b6 c5006 2 +",
	)

	var j Joiner
	j.Add(m.all[0].Clone())
	if got := j.Expire(m.all[0].Realtime + TimeLimit.Microseconds()); len(got) != 0 || j.Waiting() != 1 {
		t.Errorf("too early: %v", got)
	}
	if got := j.Expire(m.all[0].Realtime + TimeLimit.Microseconds() + 1); len(got) != 1 || j.Waiting() != 0 {
		t.Errorf("in time: %v", got)
	}
	j.Add(m.all[0].Clone())
	if got := j.End(id('b')); len(got) != 0 {
		t.Errorf("another container ended: %v", got)
	}
	if got := j.End(id('a')); len(got) != 1 {
		t.Errorf("the container ended: %v", got)
	}
}

// A last piece that never comes costs bounded memory.
func TestBounds(t *testing.T) {
	var m maker
	var j Joiner
	text := strings.Repeat("m", 1<<20)
	total, lines := 0, 0
	count := func(records []entry.Record) {
		for _, r := range records {
			if r.Entry != nil {
				v, _ := r.Entry.Get(fieldMessage)
				total += len(v)
				lines++
				if len(v) > MaxLine {
					t.Errorf("a line of %d bytes", len(v))
				}
			}
		}
		if j.bytes > MaxOpen || j.lines > MaxLines {
			t.Errorf("%d bytes, %d lines", j.bytes, j.lines)
		}
	}
	for i := range 100 {
		count(j.Add(m.docker(byte('0'+i%3), false, text, fieldPartial, "true")))
		m.all = nil
	}
	for i := range 10000 {
		count(j.Add(m.docker('a', false, full16, fieldPartial, "true", fieldIDFull, fmt.Sprintf("%064x", i))))
		m.all = nil
	}
	count(j.Flush())
	if want := 100<<20 + 10000*dockerPiece; total != want || j.bytes != 0 {
		t.Errorf("%d bytes of %d, %d open", total, want, j.bytes)
	}
}

// The lines around the cursor of each entry are the same whether or not reading stopped
// there.
func TestResume(t *testing.T) {
	var m maker
	for i := range 60 {
		m.piece('a', false, full16, fmt.Sprint("l", i), 1, false)
		m.docker('b', i%2 == 0, full16, fieldPartial, "true")
		m.piece('a', false, fmt.Sprint(i), fmt.Sprint("l", i), 2, true)
		m.docker('b', i%2 == 0, fmt.Sprint("end ", i))
		m.n += 700
	}
	all := forward(m.all)
	for stop := range len(m.all) {
		var before Joiner
		var got []string
		add := func(j *Joiner, i int) {
			for _, r := range j.Add(m.all[i].Clone()) {
				got = append(got, show(r))
			}
		}
		for i := range stop + 1 {
			add(&before, i)
		}
		var after Joiner
		for i := range stop + 1 {
			if m.all[i].Realtime >= m.all[stop].Realtime-TimeLimit.Microseconds() {
				after.Add(m.all[i].Clone())
			}
		}
		for i := stop + 1; i < len(m.all); i++ {
			add(&after, i)
		}
		equal(t, fmt.Sprint("stopped at ", stop), got, all...)
	}
}

func TestOrigin(t *testing.T) {
	var m maker
	e := m.docker('a', false, "x", "_SYSTEMD_CGROUP", "/system.slice/docker.service")
	o, ok := Origin(e, nil)
	if !ok || o.Tag("container_id") != id('a') || o.Tag("task_id") != id('a') || o.Tag("task_name") != "na" {
		t.Errorf("%v %v", o, ok)
	}
	o, ok = Origin(e, func(c string) (o entry.Origin, ok bool) {
		o.SetTag("task_name", "web."+c[:1])
		return o, true
	})
	if !ok || o.Tag("task_name") != "web.a" {
		t.Errorf("%v %v", o, ok)
	}
	for name, e := range map[string]*entry.Entry{
		"another user":      m.add("MESSAGE", "x", fieldIDFull, id('a'), fieldUID, "1000"),
		"no user":           m.add("MESSAGE", "x", fieldIDFull, id('a')),
		"another container": m.podman('a', false, "x", "_SYSTEMD_CGROUP", "/machine.slice/libpod-"+id('b')+".scope"),
		"a short id":        m.add("MESSAGE", "x", fieldIDFull, "abc", fieldUID, "0"),
		"no container":      m.add("MESSAGE", "x", fieldUID, "0"),
	} {
		if o, ok := Origin(e, nil); ok {
			t.Errorf("%s: %v", name, o)
		}
	}
	own := m.podman('a', false, "x", "_SYSTEMD_CGROUP", "/machine.slice/libpod-conmon-"+id('a')+".scope")
	if _, ok := Origin(own, nil); !ok {
		t.Error("conmon is not believed")
	}
	if d, _ := Of(e); d != Docker {
		t.Error(d)
	}
	if d, _ := Of(m.podman('a', false, "x")); d != Podman {
		t.Error(d)
	}
}
