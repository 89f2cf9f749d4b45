package sinks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
)

func TestDelivers(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	m := manage(t, b, "relay1", t.TempDir(), r.config(""))
	b.lines(0, 999)
	r.lines(0, 1000)
	s := m.until("es", func(s query.Sink) bool { return s.Delivered == 1000 && s.State == "running" })
	if s.Received != 1000 || s.Known != 0 || s.Retries != 0 || s.Type != "elasticsearch" || s.Relay != "relay1" ||
		r.again() != 0 {
		t.Errorf("%+v", s)
	}
	m.stop()
	// Another run begins after what was delivered.
	manage(t, b, "relay1", t.TempDir(), r.config(""))
	b.lines(1000, 1099)
	r.lines(0, 1100)
	if r.again() != 0 {
		t.Errorf("%d records came again", r.again())
	}
}

// A receiver that is killed under load, hangs, answers slowly or answers nonsense: nothing
// is lost, order holds, and what comes twice has the same id.
func TestFaultsOfTheReceiver(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	m := manage(t, b, "relay1", t.TempDir(), r.config("    timeout: 300ms\n"))
	n := 0
	more := func(lines int) {
		b.lines(n, n+lines-1)
		n += lines
	}
	more(500)
	var calls atomic.Int64
	for name, answer := range map[string]func(w http.ResponseWriter, ids []string) bool{
		"nonsense": func(w http.ResponseWriter, _ []string) bool { fmt.Fprint(w, "<html>hello</html>"); return true },
		"other": func(w http.ResponseWriter, _ []string) bool {
			fmt.Fprint(w, `{"errors":false,"items":[]}`)
			return true
		},
		"hangs":   func(http.ResponseWriter, []string) bool { time.Sleep(600 * time.Millisecond); return true },
		"slow":    func(http.ResponseWriter, []string) bool { time.Sleep(100 * time.Millisecond); return false },
		"cut off": func(http.ResponseWriter, []string) bool { panic(http.ErrAbortHandler) },
		"busy": func(w http.ResponseWriter, _ []string) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		},
	} {
		calls.Store(0)
		r.set(func(w http.ResponseWriter, ids []string) bool { calls.Add(1); return answer(w, ids) })
		more(300)
		rig.Eventually(t, 20*time.Second, func() error {
			if calls.Load() < 2 {
				return errors.New(name + ": no two requests yet")
			}
			return nil
		})
		r.set(nil)
		more(100)
	}
	for range 3 {
		r.stop()
		more(200)
		m.until("es", func(s query.Sink) bool { return s.State == "failing" && s.Error != "" && !s.FailingSince.IsZero() })
		r.start()
		more(100)
	}
	r.lines(0, n)
	m.until("es", func(s query.Sink) bool { return s.State == "running" && s.Delivered == uint64(n) && s.Error == "" })
}

// What NATS delivers a second time, after its connection was lost, is not delivered again.
func TestNATSRestarts(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	m := manage(t, b, "relay1", t.TempDir(), r.config(""))
	hold := make(chan struct{})
	r.set(func(http.ResponseWriter, []string) bool { <-hold; return false })
	b.lines(0, 1999)
	m.until("es", func(s query.Sink) bool { return s.Received >= 300 })
	sinkConn := m.o.Conn
	b.srv.Close()
	b.start()
	t.Cleanup(sinkConn.Close)
	rig.Eventually(t, 20*time.Second, func() error {
		if !sinkConn.IsConnected() {
			return errors.New("not connected")
		}
		return nil
	})
	b.lines(2000, 2099)
	close(hold)
	r.lines(0, 2100)
	if n := r.again(); n > 0 {
		t.Errorf("%d records came again", n)
	}
}

// L-A14: of one answer, what is busy is sent again alone and after a wait, what is refused is
// counted and kept with the reason, and a conflict counts as delivered.
func TestLA14Fates(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	var mu sync.Mutex
	var requests [][]string
	var at []time.Time
	r.set(func(w http.ResponseWriter, ids []string) bool {
		mu.Lock()
		defer mu.Unlock()
		requests, at = append(requests, ids), append(at, time.Now())
		var items []string
		for i := range ids {
			switch status, typ := 201, ""; {
			case len(ids) < 100: // again
				items = append(items, `{"create":{"status":201}}`)
			default:
				switch {
				case i >= 10 && i < 15:
					status, typ = 429, "es_rejected_execution_exception"
				case i >= 20 && i < 23:
					status, typ = 400, "mapper_parsing_exception"
				case i == 30:
					status, typ = 409, "version_conflict_engine_exception"
				case i == 40:
					status, typ = 400, "parse_exception"
				}
				items = append(items, fmt.Sprintf(`{"create":{"status":%d,"error":{"type":%q,"reason":"why"}}}`, status, typ))
			}
		}
		fmt.Fprintf(w, `{"errors":true,"items":[%s]}`, strings.Join(items, ","))
		return true
	})
	m := manage(t, b, "relay1", t.TempDir(), strings.Replace(r.config(""), "min: 20ms", "min: 200ms", 1))
	b.publish(func() (all []*entry.Entry) {
		for i := range 100 {
			all = append(all, testlog.Entry(i, fmt.Sprint("line ", i)))
		}
		return all
	}()...)
	s := m.until("es", func(s query.Sink) bool { return s.Delivered == 96 && s.State == "running" })
	if s.Retries != 5 || s.Known != 1 || s.Refused["mapping"] != 3 || s.Refused["parse"] != 1 {
		t.Errorf("%+v", s)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(requests) != 2 || !slices.Equal(requests[1], requests[0][10:15]) || at[1].Sub(at[0]) < 100*time.Millisecond {
		t.Errorf("%d requests, %v", len(requests), at)
	}
	if dead, err := m.Dead(t.Context(), "es", 10); err != nil || len(dead) != 4 ||
		!strings.Contains(string(dead[0]), "why") {
		t.Errorf("%s, %v", dead, err)
	}
}

// L-A17: the position never runs ahead of delivery, and does not stand still.
func TestLA17Position(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	m := manage(t, b, "relay1", t.TempDir(), r.config("    filter: {match: {TAG: \"7*\"}}\n"))
	r.set(func(w http.ResponseWriter, _ []string) bool { w.WriteHeader(http.StatusUnauthorized); return true })
	for i := range 200 {
		tag := "TAG=none"
		if i == 100 {
			tag = "TAG=77"
		}
		b.publish(testlog.Entry(i, "line 0", tag))
	}
	s := m.until("es", func(s query.Sink) bool { return s.State == "failing" && s.Received == 200 })
	if s.Filtered != 199 || !strings.Contains(s.Error, "401") {
		t.Errorf("%+v", s)
	}
	m.until("es", func(s query.Sink) bool { return s.PendingMessages > 0 && s.Behind > 0 })
	m.stop() // before the receiver has it
	m = manage(t, b, "relay1", t.TempDir(), r.config("    filter: {match: {TAG: \"7*\"}}\n"))
	m.until("es", func(s query.Sink) bool { return s.State == "failing" })
	r.set(nil)
	r.lines(0, 1)
	m.until("es", func(s query.Sink) bool { return s.Delivered == 1 && s.State == "running" })
	m.stop()
	m = manage(t, b, "relay1", t.TempDir(), r.config("    filter: {match: {TAG: \"7*\"}}\n"))
	b.publish(testlog.Entry(200, "new", "TAG=none"))
	s = m.until("es", func(s query.Sink) bool { return s.Received > 0 })
	time.Sleep(200 * time.Millisecond) // what else would come has come
	if s = m.sink("es"); s.Received != 1 {
		t.Errorf("after a restart %d records were read again", s.Received-1)
	}
}

// L-A18: a record above the batch limit delays nobody.
func TestLA18LargeRecord(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	r.set(func(w http.ResponseWriter, ids []string) bool { return false })
	m := manage(t, b, "relay1", t.TempDir(), r.config("    max_record: 6MiB\n"))
	b.lines(0, 499)
	b.publishParts(256<<10, testlog.Entry(500, "line 500 "+randomText(5<<20)), testlog.Entry(501, "line 501"))
	b.publishParts(256<<10, testlog.Entry(502, "line 502 "+randomText(7<<20)))
	b.lines(503, 1000)
	rig.Eventually(t, 30*time.Second, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.messages) < 1001 {
			return fmt.Errorf("%d", len(r.messages))
		}
		return nil
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, m := range r.messages {
		if !strings.HasPrefix(m, fmt.Sprint("line ", i)) {
			t.Fatalf("message %d is %.40q", i, m)
		}
	}
	if len(r.messages[500]) != 5<<20+len("line 500 ") || len(r.messages[502]) >= 6<<20 || len(r.messages[502]) < 5<<20 {
		t.Errorf("they have %d and %d bytes", len(r.messages[500]), len(r.messages[502]))
	}
	if s := m.sink("es"); s.Cut != 1 {
		t.Errorf("%d were cut", s.Cut)
	}
}

// A receiver that refuses large requests gets smaller ones, and a record that is too large
// by itself is cut.
func TestSplits(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	r.set(func(w http.ResponseWriter, ids []string) bool {
		if len(ids) > 7 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return true
		}
		return false
	})
	m := manage(t, b, "relay1", t.TempDir(), r.config(""))
	b.lines(0, 499)
	r.lines(0, 500)
	if s := m.sink("es"); s.Cut != 0 || s.Retries != 0 || len(s.Refused) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestDuplicateBatches(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	m := manage(t, b, "relay1", t.TempDir(), r.config(""))
	b.publishAs(5, 0, testlog.Entry(0, "line 0"))
	b.publishAs(6, 0, testlog.Entry(1, "line 1"))
	b.publishAs(5, 0, testlog.Entry(0, "line 0"))
	b.publishAs(4, 0, testlog.Entry(2, "line 2"))
	b.publishAs(6, 0, testlog.Entry(1, "line 1"))
	b.publishAs(7, 0, testlog.Entry(3, "line 3"))
	r.lines(0, 4)
	if s := m.until("es", func(s query.Sink) bool { return s.Duplicates == 2 }); s.Delivered != 4 || r.again() != 0 {
		t.Errorf("%+v", s)
	}
}

// Messages that are no batches are counted, and stop nothing.
func TestMalformed(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	m := manage(t, b, "relay1", t.TempDir(), r.config(""))
	subject := strings.Replace("daytwo.v1.test.logs.0.node-1", "test", cluster, 1)
	var enc entry.Encoder
	if err := enc.Add(testlog.Entry(9, randomText(10_000))); err != nil {
		t.Fatal(err)
	}
	var parts [][]byte
	if err := enc.Finish(entry.Header{Agent: testlog.Agent, Boot: 7, Seq: 99}, 4000, func(p []byte) error {
		parts = append(parts, append([]byte(nil), p...))
		return nil
	}); err != nil || len(parts) < 3 {
		t.Fatal(len(parts), err)
	}
	for _, p := range [][]byte{nil, []byte("nonsense"), parts[1], parts[0], parts[2]} {
		if _, err := b.js.Publish(t.Context(), subject, p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.js.Publish(t.Context(), subject+"-other", parts[0]); err != nil {
		t.Fatal(err)
	}
	b.lines(0, 9)
	r.lines(0, 10)
	m.until("es", func(s query.Sink) bool { return s.Malformed == 5 }) // parts[0] belongs to what parts[2] breaks
}

func TestEvents(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	manage(t, b, "relay1", t.TempDir(), r.config("    filter: {unit: nothing.service}\n"))
	var enc entry.Encoder
	if err := errors.Join(enc.AddEvent(testlog.Event().Event), enc.Add(testlog.Entry(1, "left out"))); err != nil {
		t.Fatal(err)
	}
	b.seq++
	if err := enc.Finish(entry.Header{Agent: testlog.Agent, Boot: 7, Seq: b.seq}, 0, func(p []byte) error {
		_, err := b.js.Publish(context.Background(), "daytwo.v1."+cluster+".logs.0."+testlog.Agent, p)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, 20*time.Second, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.messages) != 1 || r.messages[0] != testlog.Event().Event.Message {
			return fmt.Errorf("%q", r.messages)
		}
		return nil
	})
}
