package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/cgroups"
	"github.com/daytwo/daytwo/collector/containers"
	"github.com/daytwo/daytwo/collector/host"
	"github.com/daytwo/daytwo/collector/publish"
)

// logText is the text of a log, which a test may read while it is written.
type logText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// count returns the number of lines that contain text.
func (l *logText) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// shortStall makes ticks count as stalled after 300 ms until the test ends.
func shortStall(t *testing.T) {
	was := leastStall
	leastStall = 300 * time.Millisecond
	t.Cleanup(func() { leastStall = was })
}

// stallable returns a node whose ticks hang if hang is set, until release is closed.
func stallable(t *testing.T, log io.Writer, metrics string) (n *Node, hang *atomic.Bool, release chan struct{}) {
	t.Helper()
	n, err := New(Config{DataDir: t.TempDir(), NoPublish: true, NoBPF: true,
		Interval: 100 * time.Millisecond, Metrics: metrics,
		Statsd: Statsd{Listen: []string{"127.0.0.1:0"}, Ports: rig.Ports(t, 100)},
		Log:    slog.New(slog.NewTextHandler(log, nil)), Ready: &ready.Parts{}})
	if err != nil {
		t.Fatal(err)
	}
	hang, release = &atomic.Bool{}, make(chan struct{})
	all := n.net.groups
	n.net.groups = func(yield func(string, *containers.Identity) bool) {
		if hang.Load() {
			<-release
		}
		all(yield)
	}
	return n, hang, release
}

// While a tick hangs, the node reports that in its readiness, its log and its counter,
// and shows the last completed tick. It continues when the tick ends.
func TestStalledTick(t *testing.T) {
	shortStall(t)
	var log logText
	at := rig.FreePort(t)
	n, hang, release := stallable(t, &log, at)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- n.Serve(ctx) }()
	get := func(path string) (int, string) {
		t.Helper()
		began := time.Now()
		resp, err := http.Get("http://" + at + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if took := time.Since(began); err != nil || took > time.Second {
			t.Errorf("%s: %v after %v", path, err, took)
		}
		return resp.StatusCode, string(b)
	}
	sample := func(body, name string) (value string) {
		for line := range strings.Lines(body) {
			if v, ok := strings.CutPrefix(line, name+" "); ok {
				return strings.TrimSpace(v)
			}
		}
		return "absent"
	}
	rig.Eventually(t, 5*time.Second, n.Ready)

	hang.Store(true)
	rig.Eventually(t, 5*time.Second, func() error {
		if n.Ready() == nil {
			return errors.New("still ready")
		}
		return nil
	})
	if err := n.Ready(); !strings.Contains(err.Error(), "networks of containers") {
		t.Errorf("%v does not say what the tick is doing", err)
	}
	if code, body := get("/readyz"); code != http.StatusServiceUnavailable ||
		!strings.Contains(body, "networks of containers") {
		t.Errorf("/readyz: %d %s", code, body)
	}
	code, body := get("/metrics")
	was := sample(body, "daytwo_collector_ticks_total")
	if code != http.StatusOK || was == "absent" || !strings.Contains(body, "node_load1 ") ||
		!strings.Contains(body, "container_cpu_usage_seconds_total{") {
		t.Errorf("/metrics: %d, %s ticks", code, was)
	}
	time.Sleep(time.Second)
	if _, body := get("/metrics"); sample(body, "daytwo_collector_ticks_total") != was {
		t.Error("a tick was shown that has not ended")
	}
	if got := log.count("ticks are stalled"); got != 1 {
		t.Errorf("logged %d times", got)
	}

	hang.Store(false)
	close(release)
	rig.Eventually(t, 5*time.Second, n.Ready)
	rig.Eventually(t, 5*time.Second, func() error {
		if _, body := get("/metrics"); sample(body, "daytwo_collector_ticks_stalled_total") != "1" {
			return fmt.Errorf("%s ticks are counted as stalled", sample(body, "daytwo_collector_ticks_stalled_total"))
		}
		return nil
	})
	if log.count("has ended") != 1 || log.count("level=ERROR") != 2 {
		t.Errorf("the log: %s", log.b.String())
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// A node stops even if its current tick never ends, and returns an error that says so.
func TestStalledTickAtEnd(t *testing.T) {
	var log logText
	n, hang, release := stallable(t, &log, "")
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- n.Serve(ctx) }()
	rig.Eventually(t, 5*time.Second, n.Ready)
	hang.Store(true)
	time.Sleep(300 * time.Millisecond)
	cancel()
	select {
	case err := <-served:
		if err == nil || !strings.Contains(err.Error(), "networks of containers") {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it does not end")
	}
	hang.Store(false)
	close(release)
	rig.Eventually(t, 5*time.Second, n.progress.making)
	n.Close(context.Background())
}

// whole fails the test unless each table of a batch has all values of its rows, and the
// tables are in the order of their kinds.
func whole(t *testing.T, b *frame.Batch) {
	t.Helper()
	for i := range b.Tables {
		x := &b.Tables[i]
		if len(x.Vals) != len(x.Rows)*x.Width() || i > 0 && x.Kind <= b.Tables[i-1].Kind {
			t.Errorf("table %v: %d rows, %d values", x.Kind, len(x.Rows), len(x.Vals))
		}
	}
}

// If a step panics, only its own tables are missing, for one tick or until its reader is
// opened again.
func TestPanicInTick(t *testing.T) {
	was := reopenAfter
	reopenAfter = 0
	defer func() { reopenAfter = was }()
	var log logText
	n, _, _ := stallable(t, &log, "")
	defer func() { n.Close(context.Background()) }()
	at := time.Now().Truncate(time.Second)
	all := []metric.Kind{
		metric.Host, metric.CPU, metric.Disk, metric.Filesystem, metric.Interface,
		metric.Container, metric.ContainerIO, metric.ContainerHugetlb, metric.ContainerNet,
		metric.Collector, metric.Part, metric.App, metric.Statsd, metric.StatsdListener, metric.Call,
		metric.Hardware,
	}
	tick := func(what string, without ...metric.Kind) (panics int64) {
		t.Helper()
		at = at.Add(time.Second)
		n.tick(at)
		err := n.Fleet().View(n.AgentID(), func(b *frame.Batch) {
			whole(t, b)
			if b.Time != at.UnixNano() {
				t.Error("no tick is shown")
			}
			for _, k := range all {
				absent := false
				for _, w := range without {
					absent = absent || w == k
				}
				if (b.Table(k) == nil) != absent {
					t.Errorf("%s: table %v: there %v, want %v", what, k, b.Table(k) != nil, !absent)
				}
			}
			if c := b.Table(metric.Collector); c != nil {
				panics = c.Row(0)[metric.SelfPanics]
			}
		})
		if err != nil {
			t.Error(err)
		}
		return panics
	}
	tick("at first")
	cgroupTables := []metric.Kind{metric.Container, metric.ContainerIO, metric.ContainerHugetlb, metric.ContainerNet}
	hostTables := []metric.Kind{metric.Host, metric.CPU, metric.Disk, metric.Filesystem, metric.Interface,
		metric.Hardware}
	resolve, networks := n.groups.resolve, n.net.groups
	panics := int64(0)
	for _, c := range []struct {
		what    string
		do      func()
		undo    func()
		without []metric.Kind
	}{
		{"cgroups", func() { n.cgroups.Close(); n.cgroups = &cgroups.Reader{} }, nil, cgroupTables},
		{"host", func() { n.host.Close(); n.host = &host.Reader{} }, nil, hostTables},
		{"names", func() {
			n.groups.reset()
			n.groups.resolve = func(path string) *containers.Identity {
				if path != "/" {
					panic("names")
				}
				return resolve(path)
			}
		}, func() { n.groups.resolve = resolve }, cgroupTables},
		{"networks", func() { n.net.groups = func(func(string, *containers.Identity) bool) { panic("networks") } },
			func() { n.net.groups = networks }, []metric.Kind{metric.ContainerNet}},
		{"rows", func() { n.io.reset(); n.io.nextID = nil; n.hugetlb.reset(); n.hugetlb.nextID = nil },
			func() { n.io.nextID, n.hugetlb.nextID = n.parts.nextID, n.parts.nextID }, cgroupTables},
		{"statsd", func() {
			n.net.groups = func(yield func(string, *containers.Identity) bool) {
				networks(yield)
				n.groups.named = append(n.groups.named, nil)
				n.groups.containersGen++
			}
		}, func() { n.net.groups = networks; n.groups.reset() },
			[]metric.Kind{metric.App, metric.Statsd, metric.StatsdListener}},
		{"publish", func() { n.pub = &publish.Publisher{} }, func() { n.pub = nil },
			[]metric.Kind{metric.Collector, metric.Part}},
	} {
		c.do()
		lines := log.count("stack=")
		tick(c.what, c.without...)
		if log.count("stack=") == lines {
			t.Errorf("%s: the stack is not logged", c.what)
		}
		if c.undo != nil {
			c.undo()
		}
		got := tick("after " + c.what)
		if got <= panics {
			t.Errorf("%s: %d panics are counted, as before", c.what, got)
		}
		panics = got
	}
	if n.Ready() != nil {
		t.Errorf("after all of that: %v", n.Ready())
	}
}
