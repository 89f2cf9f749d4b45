package sinks

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

// randomText returns text that does not compress.
func randomText(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('!' + r.IntN(90))
	}
	return string(b)
}

func TestPauseResetAndTest(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	dir := t.TempDir()
	m := manage(t, b, "relay1", dir, r.config(""))
	b.lines(0, 99)
	r.lines(0, 100)
	if err := m.Pause(t.Context(), "es"); err != nil {
		t.Fatal(err)
	}
	if s := m.sink("es"); s.State != "paused" {
		t.Errorf("%+v", s)
	}
	b.lines(100, 199)
	m.stop()
	m = manage(t, b, "relay1", dir, r.config("")) // it stays paused over a restart
	m.until("es", func(s query.Sink) bool { return s.State == "paused" })
	if err := m.Resume(t.Context(), "es"); err != nil {
		t.Fatal(err)
	}
	r.lines(0, 200)

	middle := time.Now()
	b.lines(200, 299)
	r.lines(0, 300)
	m.until("es", func(s query.Sink) bool { return s.Delivered == 200 })
	if err := m.Reset(t.Context(), "es", middle); err != nil {
		t.Fatal(err)
	}
	if s := m.until("es", func(s query.Sink) bool { return s.Known >= 100 }); s.Known != 100 || r.again() != 100 {
		t.Errorf("after a reset to the last 100: %+v, %d again", s, r.again())
	}
	if err := m.Reset(t.Context(), "es", time.Time{}); err != nil {
		t.Fatal(err)
	}
	m.until("es", func(s query.Sink) bool { return s.Known == 400 && s.PendingMessages == 0 })
	if err := m.Reset(t.Context(), "es", time.Now()); err != nil {
		t.Fatal(err)
	}
	b.lines(300, 309)
	r.lines(0, 310)
	if r.again() != 400 {
		t.Errorf("%d came again", r.again())
	}

	if err := m.Test(t.Context(), "es"); err != nil {
		t.Error(err)
	}
	r.stop()
	if err := m.Test(t.Context(), "es"); err == nil {
		t.Error("no receiver, and the test succeeds")
	}
	for _, err := range []error{m.Pause(t.Context(), "x"), m.Test(t.Context(), "x"),
		m.Reset(t.Context(), "x", time.Time{})} {
		if !errors.Is(err, query.ErrNoSink) {
			t.Errorf("of a sink that is none: %v", err)
		}
	}
}

// One relay at a time runs a sink; another one goes on where it ended.
func TestTwoRelays(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	first := manage(t, b, "relay1", t.TempDir(), r.config(""))
	first.until("es", func(s query.Sink) bool { return s.State == "running" })
	second := manage(t, b, "relay2", t.TempDir(), r.config(""))
	b.lines(0, 499)
	r.lines(0, 500)
	if s := second.until("es", func(s query.Sink) bool { return s.State == "standby" }); s.Relay != "relay1" {
		t.Errorf("%+v", s)
	}
	if err := second.Pause(t.Context(), "es"); err != nil { // which the first one carries out
		t.Fatal(err)
	}
	first.until("es", func(s query.Sink) bool { return s.State == "paused" })
	if err := second.Resume(t.Context(), "es"); err != nil {
		t.Fatal(err)
	}
	b.lines(500, 999)
	first.stop()
	second.until("es", func(s query.Sink) bool { return s.State == "running" && s.Relay == "relay2" })
	b.lines(1000, 1499)
	r.lines(0, 1500)
	if r.again() != 0 {
		t.Errorf("%d came again", r.again())
	}
}

func TestReload(t *testing.T) {
	b, r, r2 := newBroker(t), newReceiver(t), newReceiver(t)
	m := manage(t, b, "relay1", t.TempDir(), r.config(""))
	b.lines(0, 49)
	r.lines(0, 50)
	m.write("sinks:\n  - name: es\n    elasticsearch: {urls: [nonsense]}\n")
	untilRefused := func(want string) {
		t.Helper()
		m.until("es", func(query.Sink) bool { _, refused := m.List(t.Context()); return strings.Contains(refused, want) })
	}
	untilRefused("nonsense")
	var page bytes.Buffer
	m.WriteMetrics(&page)
	if !strings.Contains(page.String(), "daytwo_relay_sinks_config_ok 0\n") ||
		!strings.Contains(m.log.String(), "refused") {
		t.Errorf("neither metric nor log tell of the refused configuration:\n%s%s", page.String(), m.log)
	}
	b.lines(50, 99) // the old one stays
	r.lines(0, 100)
	if err := os.Remove(m.path); err != nil {
		t.Fatal(err)
	}
	untilRefused("no such file")

	second := strings.Replace(strings.TrimPrefix(r2.config("    start: now\n"), "sinks:\n"), "name: es", "name: new", 1)
	m.write(r.config("") + second)
	m.until("es", func(query.Sink) bool { s, refused := m.List(t.Context()); return refused == "" && len(s) == 2 })
	m.until("new", func(s query.Sink) bool { return s.State == "running" })
	if s := m.sink("es"); s.Delivered != 100 {
		t.Errorf("a sink that was not changed was made anew: %+v", s)
	}
	rigWaitConsumer(t, b, "sink_new")
	b.lines(100, 149)
	r.lines(0, 150)
	r2.lines(100, 50)
	m.write(r.config("    filter: {agent: nobody}\n")) // one is changed, the other goes
	m.until("es", func(query.Sink) bool { s, _ := m.List(t.Context()); return len(s) == 1 })
	b.lines(150, 199)
	if s := m.until("es", func(s query.Sink) bool { return s.Received == 50 }); s.Filtered != 50 {
		t.Errorf("%+v", s)
	}
}

func TestDeadLetters(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	r.set(func(w http.ResponseWriter, ids []string) bool {
		items := make([]string, len(ids))
		for i := range items {
			items[i] = `{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no number"}}}`
		}
		_, _ = w.Write([]byte(`{"errors":true,"items":[` + strings.Join(items, ",") + `]}`))
		return true
	})
	m := manage(t, b, "relay1", t.TempDir(), r.config("    dead_letters: 100KiB\n"))
	b.lines(0, 499)
	s := m.until("es", func(s query.Sink) bool { return s.Refused["mapping"] == 500 })
	if s.State != "running" || s.Retries != 0 || s.DeadLost != 0 {
		t.Errorf("%+v", s)
	}
	last, err := m.Dead(t.Context(), "es", 3)
	if err != nil || len(last) != 3 || !strings.Contains(string(last[2]), `"line 499"`) ||
		!strings.Contains(string(last[2]), `"reason":"mapping"`) || !strings.Contains(string(last[2]), "no number") {
		t.Errorf("%s, %v", last, err)
	}
	size := int64(0)
	for _, p := range []string{"/sinks/es.dead.jsonl", "/sinks/es.dead.jsonl.1"} {
		info, err := os.Stat(m.o.DataDir + p)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 100<<10 {
		t.Errorf("dead letters have %d bytes", size)
	}
	m.until("es", func(s query.Sink) bool { return s.PendingMessages == 0 })
}

// A sink that begins now and gets nothing before it is started again still begins where it began.
func TestStartNow(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	b.lines(0, 99)
	for range 2 {
		m := manage(t, b, "relay1", t.TempDir(), r.config("    start: now\n"))
		m.until("es", func(s query.Sink) bool { return s.State == "running" })
		rigWaitConsumer(t, b, "sink_es")
		time.Sleep(300 * time.Millisecond) // it is made anew once
		m.stop()
	}
	manage(t, b, "relay1", t.TempDir(), r.config("    start: now\n"))
	b.lines(100, 149)
	r.lines(100, 50)
}

// A relay that does not know whether it still has the lease delivers nothing until it has
// renewed it.
func TestUnsureOfTheLease(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	m := manage(t, b, "relay1", t.TempDir(), r.config(""))
	b.lines(0, 0)
	r.lines(0, 1)
	runners, _ := m.list()
	lease := &runners[0].lease
	for n := 1; n < 20; n++ {
		lease.until.Store(0) // as after a stop of 15 seconds
		b.lines(n, n)
		time.Sleep(200 * time.Millisecond)
		r.mu.Lock()
		got := len(r.messages)
		r.mu.Unlock()
		if lease.sure() { // it was renewed meanwhile
			r.lines(0, n+1)
			continue
		}
		if got > n {
			t.Errorf("line %d was delivered without the lease", n)
		}
		r.lines(0, n+1)
		return
	}
	t.Error("the lease is always renewed within 200 ms")
}
