//go:build !race

package shipping

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

const allocRules = `
filter: [drop: {unit: 'session-*'}]
join: [{select: {unit: j}, start: '^\S'}]
redact: [{known: [email, bearer_token]}]
fields: {drop: [_AUDIT_*]}`

// An entry goes from the reader to the connection without an allocation of ours; those of
// nats.go are one message and its acknowledgement a batch.
func TestAllocates(t *testing.T) {
	b := newBroker(t).start().stream()
	src := newSource()
	o := withRules(t, b.options(src), allocRules)
	o.BatchEntries = 500
	texts := []string{"GET /index.html 200", "mail to jo@example.com", "something else"}
	src.make = func(i int) line {
		unit := "u"
		if i%3 == 2 {
			unit = "j"
		}
		return line{unit: unit, text: texts[i%3], priority: 6}
	}
	s := start(t, o)
	const n = 100_000
	more := func() {
		src.mu.Lock()
		src.made += n
		src.wake()
		want := uint64(src.made)
		src.mu.Unlock()
		s.until("all", func(st Stats) bool { return st.Read == want && st.InFlight == 0 && st.Stored+10 > want })
	}
	more()
	more() // each place of the window was used
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1
	before := allocations()
	more()
	after := allocations()
	ours := after["shipping"] + after["entry"] - before["shipping"] - before["entry"]
	client := after["nats.go"] - before["nats.go"]
	t.Logf("%d entries: %d allocations of ours, %d of nats.go", n, ours, client)
	if ours > 100 { // the position is saved, buffers may grow
		t.Errorf("%d allocations of ours", ours)
	}
	if client == 0 || client > 10*n/500 {
		t.Errorf("%d allocations of nats.go", client)
	}
}

// allocations counts objects by the package of the code that made them.
func allocations() map[string]int64 {
	runtime.GC()
	runtime.GC() // a profile shows what the last but one cycle saw
	records := make([]runtime.MemProfileRecord, 20000)
	n, _ := runtime.MemProfile(records, true)
	count := map[string]int64{}
	for _, r := range records[:n] {
		frames := runtime.CallersFrames(r.Stack())
		for {
			f, more := frames.Next()
			switch {
			case strings.HasSuffix(f.File, "_test.go"):
				count["test"] += r.AllocObjects
			case strings.Contains(f.Function, "/collector/shipping"):
				count["shipping"] += r.AllocObjects
			case strings.Contains(f.Function, "/api/entry."):
				count["entry"] += r.AllocObjects
			case strings.Contains(f.Function, "/nats-server/"):
				count["nats-server"] += r.AllocObjects
			case strings.Contains(f.Function, "/nats%2ego.") || strings.Contains(f.Function, "/nats.go."):
				count["nats.go"] += r.AllocObjects
			default:
				if more {
					continue
				}
			}
			break
		}
	}
	return count
}

// The memory that batches take stays bounded, whatever the entries are.
func TestLargeBuffersAreGivenBack(t *testing.T) {
	b := newBatch(&Options{BatchEntries: 10, BatchBytes: 1 << 20})
	was := b.enc
	if _, err := b.add(&entry.Entry{Fields: []entry.Field{{Name: "MESSAGE", Value: make([]byte, 3<<20)}}},
		16<<20); err != nil {
		t.Fatal(err)
	}
	if err := b.finish(entry.Header{Agent: "a"}, 1<<20, func([]byte) {}); err != nil || b.enc == was {
		t.Errorf("%v; the buffers of 3 MiB are kept", err)
	}
	var w window
	for range maxInFlight - room {
		w.put(w.add(), make([]byte, 64<<10))
	}
	w.clear()
	if w.kept > maxSpare || w.bytes != 0 {
		t.Errorf("%d bytes are kept, %d are counted as in flight", w.kept, w.bytes)
	}
}

// From the reader to a stream of a real server, with fields as the journal has them.
func BenchmarkShip(b *testing.B) {
	for _, c := range []struct{ name, rules string }{
		{"all", ""},
		{"rules", "filter: [drop: {unit: 'session-*'}]\nredact: [{known: [email, credit_card, bearer_token]}]\nfields: " +
			"{drop: [_AUDIT_*]}"},
	} {
		b.Run(c.name, func(b *testing.B) {
			broker := newBroker(b).start().stream()
			src := newSource()
			more := journalFields()
			src.make = func(i int) line {
				return line{unit: "nginx.service", text: accessLog[i%len(accessLog)], priority: 6, more: more}
			}
			o := withRules(b, broker.options(src), c.rules)
			o.Flush = time.Second
			src.made = b.N
			b.ReportAllocs()
			b.ResetTimer()
			s := start(b, o)
			s.until("all", func(st Stats) bool { return st.Stored >= uint64(b.N) })
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(s.Stats().Bytes)/float64(b.N), "B/entry")
			s.stop()
		})
	}
}

var accessLog = []string{
	`10.0.4.17 - - "GET /api/v1/orders/4711 HTTP/1.1" 200 1234 "-" "curl/8.5.0" 0.012`,
	`10.0.4.18 - - "POST /api/v1/orders HTTP/1.1" 201 312 "https://shop.example.com/cart" "Mozilla/5.0" 0.155`,
	`10.0.9.3 - - "GET /static/app.7f3a.js HTTP/1.1" 304 0 "https://shop.example.com/" "Mozilla/5.0" 0.001`,
	`upstream timed out (110: Connection timed out) while reading response header from upstream`,
}

// journalFields are the fields that journald adds to what a service prints.
func journalFields() (fields []entry.Field) {
	for _, f := range []string{"_TRANSPORT=stdout", "_STREAM_ID=0123456789abcdef0123456789abcdef", "SYSLOG_FACILITY=3",
		"SYSLOG_IDENTIFIER=nginx", "_PID=4711", "_UID=33", "_GID=33", "_COMM=nginx", "_EXE=/usr/sbin/nginx",
		"_CMDLINE=nginx: worker process", "_CAP_EFFECTIVE=0", "_SELINUX_CONTEXT=unconfined",
		"_SYSTEMD_CGROUP=/system.slice/nginx.service", "_SYSTEMD_SLICE=system.slice",
		"_SYSTEMD_INVOCATION_ID=fedcba9876543210fedcba9876543210", "_BOOT_ID=00112233445566778899aabbccddeeff",
		"_MACHINE_ID=ffeeddccbbaa99887766554433221100", "_HOSTNAME=node-1", "_RUNTIME_SCOPE=system"} {
		name, value, _ := strings.Cut(f, "=")
		fields = append(fields, entry.Field{Name: name, Value: []byte(value)})
	}
	return fields
}
