package collector

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/credentials"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/bench/rig"
)

// CASES X-A5: the credential of a node expires while it runs, and several connections are refused.
// Its frames wait in the spool, the doctor says why, and with a new file, put there by rename, all
// of them arrive.
func TestExpiredCredential(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	c := newCluster(t)
	url, ca := clusterNATS(t, c), filepath.Join(c.Dir(), credentials.CAFile)
	enroll := func(valid time.Duration) string {
		t.Helper()
		creds, err := c.Enroll("n1", valid)
		if err != nil {
			t.Fatal(err)
		}
		return secret(t, creds)
	}
	relayCreds, err := c.Relay("one")
	if err != nil {
		t.Fatal(err)
	}
	relay, err := bus.Connect(bus.ConnectOptions{URLs: url, CA: ca, Credentials: secret(t, relayCreds), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	js, err := jetstream.New(relay)
	if err != nil {
		t.Fatal(err)
	}
	var stream jetstream.Stream
	rig.Eventually(t, time.Minute, func() error {
		stream, err = bus.EnsureStream(t.Context(), js, bus.Config{Cluster: "default", MaxBytes: 16 << 20})
		return err
	})
	path := enroll(6 * time.Second)
	cfg := Config{DataDir: t.TempDir(), AgentID: "n1", NoBPF: true, Log: quiet, Interval: 200 * time.Millisecond,
		Logs: Logs{Off: true}, NATS: bus.ConnectOptions{URLs: url, CA: ca, Credentials: path}}
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		n.Close(context.Background())
	}()
	rig.Eventually(t, time.Minute, func() error {
		if n.pub.Stats().Acked == 0 {
			return context.DeadlineExceeded
		}
		return nil
	})
	rig.Eventually(t, time.Minute, func() error {
		if n.conn.IsConnected() || n.pub.Stats().SpoolDepth < 10 {
			return context.DeadlineExceeded
		}
		return nil
	})
	time.Sleep(3 * time.Second) // several connections are refused
	said := ""
	for _, check := range checkPublish(t.Context(), cfg) {
		if check.State == health.Fail {
			said += check.Detail + " " + check.Fix
		}
	}
	if !strings.Contains(said, "expired") {
		t.Errorf("the doctor says %q", said)
	}
	if err := os.Rename(enroll(time.Hour), path); err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, time.Minute, func() error {
		if s := n.pub.Stats(); s.SpoolDepth > 0 || !n.conn.IsConnected() {
			return context.DeadlineExceeded
		}
		return nil
	})
	if s := n.pub.Stats(); s.Dropped > 0 {
		t.Errorf("%d frames were dropped", s.Dropped)
	}
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen, last := map[uint64]bool{}, uint64(0)
	for i := info.State.FirstSeq; i <= info.State.LastSeq; i++ {
		m, err := stream.GetMsg(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		h, err := frame.Peek(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		seen[h.Seq], last = true, max(last, h.Seq)
	}
	missing := 0
	for seq := range last {
		if !seen[seq] && (seq > 0 || seen[0]) {
			missing++
		}
	}
	if missing > 0 || last < 20 {
		t.Errorf("%d of %d frames are missing", missing, last)
	}
}
