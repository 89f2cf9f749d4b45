package relay

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/logrpc"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
)

// logNode is a node that answers about its logs over NATS, and sends frames.
type logNode struct {
	t     *testing.T
	b     *broker
	agent string
	logs  *testlogs.Logs
	stop  func()
}

func newLogNode(t *testing.T, b *broker, agent string) *logNode {
	t.Helper()
	n := &logNode{t: t, b: b, agent: agent, logs: testlogs.New(agent)}
	n.start()
	b.publish(agent, newNode(agent).Tick()...)
	t.Cleanup(func() { n.stop() })
	return n
}

// start lets the node answer; stop ends that.
func (n *logNode) start() {
	n.t.Helper()
	conn, err := bus.Connect(bus.ConnectOptions{URLs: "nats://" + n.b.addr, Log: quiet})
	if err != nil {
		n.t.Fatal(err)
	}
	s := rpc.NewServer(rpc.ServerOptions{
		Conn: conn, Cluster: cluster, Agent: n.agent, Handlers: logrpc.Handlers(n.logs), Log: quiet,
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			n.t.Error(err)
		}
		conn.Close()
	})
}

// served is a relay with its HTTP API that can be started again at the same address.
type served struct {
	t    *testing.T
	cfg  Config
	stop func()
}

func newServed(t *testing.T, b *broker) *served {
	t.Helper()
	s := &served{t: t, cfg: Config{
		Listen: freeAddress(t), DataDir: t.TempDir(), Cluster: cluster, Log: quiet,
		NATS: bus.ConnectOptions{URLs: "nats://" + b.addr, Log: quiet},
	}}
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *served) start() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, s.cfg) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	})
}

// client returns a client, once the relay knows so many agents.
func (s *served) client(agents int) *client.Client {
	s.t.Helper()
	var c *client.Client
	wait(s.t, "the agents", func() bool {
		token, err := os.ReadFile(filepath.Join(s.cfg.DataDir, "token"))
		if err != nil {
			return false
		}
		if c, err = client.New("http://"+s.cfg.Listen, strings.TrimSpace(string(token))); err != nil {
			s.t.Fatal(err)
		}
		list, err := c.Agents(s.t.Context())
		return err == nil && len(list) == agents
	})
	return c
}

const logStart = 1_760_000_000_000_000

// What two nodes write while the relay, NATS and a node are started anew arrives once each,
// in the order of each node.
func TestLogsSurviveRestarts(t *testing.T) {
	b := newBroker(t)
	nodes := []*logNode{newLogNode(t, b, "node-a"), newLogNode(t, b, "node-b")}
	r := newServed(t, b)
	c := r.client(2)
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	var written [2]int
	begun := logStart
	for i, n := range nodes {
		writers.Go(func() {
			for ctx.Err() == nil {
				n.logs.Say(int64(begun+written[i]*1000), "web", strconv.Itoa(written[i]))
				written[i]++
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	stopped := sync.OnceFunc(func() { cancel(); writers.Wait() })
	defer stopped()
	lines := make(chan [2]string, 100)
	reading, end := context.WithCancel(t.Context())
	defer end()
	events := map[string]int{}
	done := make(chan error, 1)
	go func() {
		var err error
		for e, e2 := range c.Logs(reading, url.Values{"follow": {"1"}, "since": {"2020-01-01"}, "task": {"web"}}) {
			if err = e2; err != nil {
				break
			}
			if e.Event != "" {
				events[e.Event]++
				continue
			}
			lines <- [2]string{e.AgentID, e.Fields["MESSAGE"].(string)}
		}
		close(lines)
		done <- err
	}()
	next := map[string]int{}
	read := func(n int) {
		t.Helper()
		for range n {
			select {
			case l, ok := <-lines:
				if !ok {
					t.Fatalf("the stream ended: %v; %v", <-done, events)
				}
				if l[1] != strconv.Itoa(next[l[0]]) {
					t.Fatalf("%s: line %s, want %d; %v", l[0], l[1], next[l[0]], events)
				}
				next[l[0]]++
			case <-time.After(50 * time.Second):
				t.Fatalf("nothing comes; %v, %v", next, events)
			}
		}
	}
	read(300)
	r.stop()
	r.start()
	read(300)
	nodes[0].stop()
	nodes[0].start()
	read(300)
	b.stop()
	time.Sleep(100 * time.Millisecond) // NATS is away
	b.start()
	read(300)
	nodes[1].stop()
	read(50) // of the other node
	nodes[1].start()
	read(600)
	stopped()
	for next["node-a"] < written[0] || next["node-b"] < written[1] {
		read(1)
	}
	end()
	if err := <-done; err != context.Canceled {
		t.Error(err)
	}
	if events["node_away"] < 2 || events["node_back"] < 2 || events[client.Reconnecting] == 0 {
		t.Errorf("events: %v", events)
	}
	t.Logf("%v lines, events %v", next, events)
}

// A thousand followers: each gets what is written, and together they take little memory.
func TestThousandFollowers(t *testing.T) {
	b := newBroker(t)
	n := newLogNode(t, b, "node-a")
	n.logs.Say(logStart, "web", "first")
	r := newServed(t, b)
	c := r.client(1)
	const followers = 1000
	q := url.Values{"follow": {"1"}, "task": {"web"}, "limit": {"1"}}
	before := memory()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	var opened, got sync.WaitGroup
	opened.Add(followers)
	for range followers {
		got.Go(func() {
			body, err := c.LogsRaw(t.Context(), q, "application/x-ndjson")
			if err != nil {
				t.Error(err)
				opened.Done()
				return
			}
			defer body.Close()
			buf := make([]byte, 4096)
			read := func(want string) {
				n := 0
				for n == 0 || buf[n-1] != '\n' {
					m, err := body.Read(buf[n:])
					if n += m; err != nil {
						t.Error(err)
						return
					}
				}
				if !strings.Contains(string(buf[:n]), `"MESSAGE":"`+want+`"`) {
					t.Errorf("%s, want %s", buf[:n], want)
				}
			}
			read("first")
			opened.Done()
			read("second")
		})
	}
	opened.Wait()
	wait(t, "all follow", func() bool { return n.logs.Readers() == followers })
	more := memory() - before
	t.Logf("%d followers: %.1f MiB more of node, NATS, relay and clients together, %.1f KiB each",
		followers, float64(more)/(1<<20), float64(more)/followers/1024)
	if more > 256<<20 {
		t.Errorf("%d MiB", more>>20)
	}
	begun := time.Now()
	n.logs.Say(logStart+1, "web", "second")
	got.Wait()
	t.Logf("all of them have the next line after %v", time.Since(begun))
	wait(t, "the streams' end", func() bool { return n.logs.Readers() == 0 })
}

// memory returns the bytes of heap and stacks in use.
func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// Latency from the write to the client, over one node and over several.
func TestFollowLatency(t *testing.T) {
	b := newBroker(t)
	nodes := []*logNode{newLogNode(t, b, "node-a"), newLogNode(t, b, "node-b"), newLogNode(t, b, "node-c")}
	r := newServed(t, b)
	c := r.client(3)
	for name, q := range map[string]url.Values{
		"one node": {"agent": {"node-a"}}, "three nodes": {},
	} {
		for _, n := range nodes {
			n.logs.Say(logStart, "web", "first")
		}
		q.Set("follow", "1")
		q.Set("limit", "0")
		body, err := c.LogsRaw(t.Context(), q, "application/x-ndjson")
		if err != nil {
			t.Fatal(err)
		}
		wait(t, "the reader follows", func() bool { return nodes[0].logs.Readers() == 1 })
		time.Sleep(100 * time.Millisecond)
		var all []time.Duration
		buf := make([]byte, 4096)
		for i := range 300 {
			begun := time.Now()
			nodes[0].logs.Say(logStart+int64(i)+1, "web", fmt.Sprint("line ", i))
			if n, err := body.Read(buf); err != nil || !strings.Contains(string(buf[:n]), fmt.Sprint(`"line `, i, `"`)) {
				t.Fatalf("%s, %v", buf[:n], err)
			}
			all = append(all, time.Since(begun))
		}
		body.Close()
		t.Logf("%s: p50 %v, p99 %v", name, percentile(all, 50), percentile(all, 99))
		wait(t, "the reader is closed", func() bool { return nodes[0].logs.Readers() == 0 })
	}
}

func percentile(all []time.Duration, p int) time.Duration {
	sorted := append([]time.Duration(nil), all...)
	for i := range sorted {
		for k := i; k > 0 && sorted[k] < sorted[k-1]; k-- {
			sorted[k], sorted[k-1] = sorted[k-1], sorted[k]
		}
	}
	return sorted[len(sorted)*p/100]
}

// The relay's own metrics count streams and entries.
func TestLogMetrics(t *testing.T) {
	b := newBroker(t)
	n := newLogNode(t, b, "node-a")
	n.logs.Say(logStart, "web", "first")
	r := newServed(t, b)
	c := r.client(1)
	body, err := c.LogsRaw(t.Context(), nil, "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	body.Close()
	if err != nil || !strings.Contains(string(text), "node-a/web unknown: first\n") {
		t.Errorf("%s, %v", text, err)
	}
	token, _ := os.ReadFile(filepath.Join(r.cfg.DataDir, "token"))
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+r.cfg.Listen+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	metrics, _ := io.ReadAll(res.Body)
	for _, line := range []string{"daytwo_logs_entries_total 1\n", "daytwo_logs_streams_total 1\n",
		"daytwo_logs_streams 0\n",
		"daytwo_relay_logs_queries_total 1\n", "daytwo_relay_logs_node_entries_total 1\n",
		`daytwo_logs_events_total{kind="gap"} 0` + "\n"} {
		if !strings.Contains(string(metrics), "\n"+line) {
			t.Errorf("no %q", line)
		}
	}
}

// The doctor says whether the nodes answer.
func TestLogDoctor(t *testing.T) {
	b := newBroker(t)
	n := newLogNode(t, b, "node-a")
	n.logs.Say(logStart, "web", "first")
	r := newServed(t, b)
	r.client(1)
	check := func() (none health.Check) {
		for _, c := range Doctor(t.Context(), r.cfg) {
			if c.Name == "relay logs" {
				return c
			}
		}
		return none
	}
	wait(t, "readiness", func() bool { return check().Name != "" })
	if c := check(); c.State != health.OK {
		t.Errorf("%+v", c)
	}
	n.stop()
	if c := check(); c.State != health.Warn || !strings.Contains(c.Detail, "not connected") {
		t.Errorf("the node is away: %+v", c)
	}
	r.stop()
	if c := check(); c.Name != "" {
		t.Errorf("no relay runs: %+v", c)
	}
}
