package ingest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
)

// A consumer of the stream of logs receives no frames, and begins where it is told to;
// each message carries its place in the stream.
func TestLogs(t *testing.T) {
	b := newBroker(t)
	if _, err := bus.EnsureLogsStream(t.Context(), b.js, bus.Config{Cluster: "c"}); err != nil {
		t.Fatal(err)
	}
	b.publish("a", 100, 101)
	var start time.Time
	for i := range 4 {
		if i == 2 {
			time.Sleep(5 * time.Millisecond) // the times of the messages differ
			start = time.Now()
		}
		if _, err := b.js.Publish(t.Context(), bus.Logs("c", "a", 1), fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	var seqs []uint64
	r := &recorder{answer: func(m *Message) Verdict {
		if m.Time.Before(start) {
			t.Errorf("message %d of %v came, although it is older than %v", m.Seq, m.Time, start)
		}
		seqs = append(seqs, m.Seq)
		return Stored
	}}
	in := run(t, Options{Conn: b.conn, Stream: bus.Config{Cluster: "c"}, Logs: true, Start: start,
		Durable: "test", Handle: r.handle})
	eventually(t, "two messages", func() bool { return len(r.seen()) == 2 })
	in.stop()
	if got := r.seen(); !slices.Equal(got, []string{"2", "3"}) || !slices.Equal(seqs, []uint64{3, 4}) {
		t.Errorf("received %v, at %v", got, seqs)
	}
}
