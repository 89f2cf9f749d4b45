package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/logrpc"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/bench/rig"
	journallogs "github.com/daytwo/daytwo/collector/journal/logs"
	"github.com/daytwo/daytwo/relay"
)

// fleet is three nodes' journals behind one relay: a real journald's, and two that were
// written by systemd-journal-remote.
type fleet struct {
	*testing.T
	client *client.Client
	url    string
	token  string
	quiet  *slog.Logger
	nats   *embedded.Server
}

// written is an entry of the two journals that the test wrote.
type written struct {
	agent  string
	time   int64
	number int
}

const fleetStart = 1_760_000_000_000_000

// writeJournal writes entries into a new journal.
func writeJournal(t *testing.T, entries []written) (dir string) {
	t.Helper()
	remote := "/usr/lib/systemd/systemd-journal-remote"
	if _, err := os.Stat(remote); err != nil {
		rig.Missing(t, remote, err.Error(), "apt-get install systemd-journal-remote")
	}
	var b bytes.Buffer
	for i, e := range entries {
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%032d\nPRIORITY=%d\nNUMBER=%d\n"+
			"_SYSTEMD_UNIT=%s.service\n_HOSTNAME=%s\nMESSAGE", e.time, i+1, 5, e.number%8, e.number, e.agent, e.agent)
		message := fmt.Sprintf("entry %d\x00\xff", e.number)
		_ = binary.Write(&b, binary.LittleEndian, []byte("\n"))
		_ = binary.Write(&b, binary.LittleEndian, uint64(len(message)))
		b.WriteString(message + "\n\n")
	}
	dir = t.TempDir()
	cmd := exec.Command(remote, "--split-mode=none", "-o", filepath.Join(dir, "system.journal"), "-")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// node lets a node answer about a journal, and be known by its frames.
func (f *fleet) node(agent string, dirs ...string) {
	f.Helper()
	conn, err := bus.Connect(bus.ConnectOptions{InProcess: f.nats, Log: f.quiet})
	if err != nil {
		f.Fatal(err)
	}
	logs := journallogs.New(journallogs.Options{Agent: agent, Dirs: dirs, Log: f.quiet})
	s := rpc.NewServer(rpc.ServerOptions{
		Conn: conn, Cluster: setting.Cluster, Agent: agent, Handlers: logrpc.Handlers(logs), Log: f.quiet,
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			f.Error(err)
		}
		logs.Close()
		conn.Close()
	})
	js, err := jetstream.New(conn)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := bus.EnsureStream(f.Context(), js, bus.Config{Cluster: setting.Cluster}); err != nil {
		f.Fatal(err)
	}
	n := load.NewNode(load.NodeOptions{Agent: agent, Containers: 1, Boot: 5, KeyEvery: 20, Start: time.Now().Unix() * 1e9})
	for _, frame := range n.Tick() {
		if _, err := js.Publish(f.Context(), bus.Frames(setting.Cluster, agent, setting.Shards), frame); err != nil {
			f.Fatal(err)
		}
	}
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{T: t, quiet: slog.New(slog.DiscardHandler)}
	var err error
	if f.nats, err = embedded.Start(embedded.Options{StoreDir: t.TempDir(), Log: f.quiet}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.nats.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cfg := relay.Config{
		Listen: address, DataDir: t.TempDir(), Log: f.quiet, NATS: bus.ConnectOptions{InProcess: f.nats, Log: f.quiet},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(ctx, cfg) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	rig.Eventually(t, 20*time.Second, func() error {
		b, err := os.ReadFile(filepath.Join(cfg.DataDir, "token"))
		if err != nil {
			return err
		}
		f.url, f.token = "http://"+address, strings.TrimSpace(string(b))
		if f.client, err = client.New(f.url, f.token); err != nil {
			return err
		}
		return f.client.Ready(t.Context())
	})
	return f
}

// numbers returns agent and number of the entries of a query.
func (f *fleet) numbers(q url.Values) (all []string, last string) {
	f.Helper()
	for e, err := range f.client.Logs(f.Context(), q) {
		if err != nil {
			f.Fatal(err)
		}
		if e.Event != "" {
			f.Errorf("event %s: %s", e.Event, e.Message)
			continue
		}
		all = append(all, fmt.Sprint(e.AgentID, " ", e.Fields["NUMBER"]))
		last = e.Cursor
	}
	return all, last
}

// Three nodes' journals through one relay.
func TestLogsOfAFleet(t *testing.T) {
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		journald := rig.StartJournald(t, "")
		f := newFleet(t)
		var all, b, c []written
		for i := range 4000 {
			w := written{"node-b", fleetStart + int64(i)*1000, i}
			if i%3 == 0 {
				w.agent = "node-c"
				w.time -= int64(i % 5 * 400)
				c = append(c, w)
			} else {
				b = append(b, w)
			}
		}
		slices.SortStableFunc(c, func(x, y written) int { return cmp.Compare(x.time, y.time) })
		all = append(append(all, b...), c...)
		slices.SortStableFunc(all, func(x, y written) int { return cmp.Compare(x.time, y.time) })
		f.node("node-a")
		f.node("node-b", writeJournal(t, b))
		f.node("node-c", writeJournal(t, c))
		rig.Eventually(t, 20*time.Second, func() error {
			if list, err := f.client.Agents(t.Context()); err != nil || len(list) != 3 {
				return fmt.Errorf("%d agents, %w", len(list), err)
			}
			return nil
		})
		f.merged(all)
		f.pulled(len(all))
		f.facets(len(all))
		f.followed(journald)
		f.sleeps()
	})
}

// merged reads everything at once, by pages, in reverse, and from the end.
func (f *fleet) merged(all []written) {
	f.Helper()
	var want []string
	for _, w := range all {
		want = append(want, fmt.Sprint(w.agent, " ", w.number))
	}
	same := func(what string, got, want []string) {
		f.Helper()
		if !slices.Equal(got, want) {
			f.Errorf("%s: %d entries, want %d", what, len(got), len(want))
		}
	}
	q := func(more ...string) url.Values {
		v := url.Values{"agent": {"node-b,node-c"}, "fields": {"NUMBER"}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	got, _ := f.numbers(q("limit", "100000"))
	same("all", got, want)
	got, _ = f.numbers(q("limit", "100", "tail", "1"))
	same("the last", got, want[len(want)-100:])
	got, _ = f.numbers(q("limit", "50", "skip", "1000"))
	same("skipped", got, want[1000:1050])
	for _, order := range []string{"asc", "desc"} {
		var pages []string
		for cursor := ""; ; {
			page := q("limit", "777", "order", order)
			if cursor != "" {
				page.Set("cursor", cursor)
			}
			got, last := f.numbers(page)
			if len(got) == 0 {
				break
			}
			pages, cursor = append(pages, got...), last
		}
		if order == "desc" {
			slices.Reverse(pages)
		}
		same("pages "+order, pages, want)
	}
	got, _ = f.numbers(q("limit", "100000", "match", "PRIORITY=3", "unit", "node-b.service"))
	for i, n := range got {
		if number, err := strconv.Atoi(strings.TrimPrefix(n, "node-b ")); err != nil || number%8 != 3 {
			f.Errorf("filtered: entry %d is %s", i, n)
		}
	}
	if len(got) == 0 {
		f.Error("nothing of node-b with priority 3")
	}
	for _, agents := range []string{"node-b", "node-b,node-c"} {
		var took []time.Duration
		for range 100 {
			begun := time.Now()
			f.numbers(url.Values{"agent": {agents}, "limit": {"100"}, "tail": {"1"}})
			took = append(took, time.Since(begun))
		}
		slices.Sort(took)
		f.Logf("the last 100 entries of %s: p50 %v, p99 %v", agents, took[50], took[98])
	}
}

// pulled lets systemd-journal-remote pull from the relay.
func (f *fleet) pulled(want int) {
	f.Helper()
	file := filepath.Join(f.TempDir(), "pulled.journal")
	// It knows no other credential than a password in the URL.
	from := strings.Replace(f.url, "://", "://token:"+f.token+"@", 1) + "/api/v1/logs/entries?agent=node-b,node-c"
	cmd := exec.Command("/usr/lib/systemd/systemd-journal-remote", "--url", from, "--output", file, "--split-mode=none")
	if out, err := cmd.CombinedOutput(); err != nil {
		f.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command("journalctl", "--file", file, "-o", "json", "--all").Output()
	if err != nil {
		f.Fatal(err)
	}
	n := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; n++ {
		var e map[string]any
		if err := dec.Decode(&e); err != nil {
			break
		}
		if e["DAYTWO_AGENT_ID"] == nil || e["NUMBER"] == nil {
			f.Fatalf("entry %d: %v", n, e)
		}
	}
	if n != want {
		f.Errorf("pulled %d entries, want %d", n, want)
	}
}

func (f *fleet) facets(total int) {
	f.Helper()
	q := url.Values{"agent": {"node-b,node-c"}, "since": {strconv.Itoa(fleetStart - 10_000_000)},
		"until": {strconv.Itoa(fleetStart + 100_000_000)}}
	h, err := f.client.LogHistogram(f.Context(), q)
	if err != nil {
		f.Fatal(err)
	}
	n := uint64(0)
	for _, b := range h.Buckets {
		n += b.Count
	}
	if n != uint64(total) || len(h.Away) > 0 {
		f.Errorf("a histogram of %d entries, want %d", n, total)
	}
	q.Set("field", "_SYSTEMD_UNIT")
	values, err := f.client.LogValues(f.Context(), q)
	if err != nil || !slices.Equal(values.Values, []string{"node-b.service", "node-c.service"}) {
		f.Errorf("%+v, %v", values, err)
	}
	boots, err := f.client.LogBoots(f.Context(), url.Values{"agent": {"node-b,node-c"}})
	if err != nil || len(boots.Boots) != 2 {
		f.Errorf("%+v, %v", boots, err)
	}
	fields, err := f.client.LogFields(f.Context(), url.Values{"agent": {"node-c"}})
	if err != nil || !slices.Contains(fields.Fields, "NUMBER") {
		f.Errorf("%+v, %v", fields, err)
	}
}

// followed follows all nodes while journald gets lines, and is killed once.
func (f *fleet) followed(journald *rig.Journald) {
	f.Helper()
	ctx, cancel := context.WithCancel(f.Context())
	defer cancel()
	now := strconv.FormatInt(time.Now().UnixMicro(), 10)
	q := url.Values{"follow": {"1"}, "since": {now}, "match": {"SYSLOG_IDENTIFIER=fleet"}}
	lines := make(chan *v1.LogEntry, 100)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(lines)
		for e, err := range f.client.Logs(ctx, q) {
			if err != nil {
				if ctx.Err() == nil {
					f.Error(err)
				}
				return
			}
			if e.Event == "" {
				lines <- e
			}
		}
	})
	defer reading.Wait()
	defer cancel()
	var took []time.Duration
	for i := range 200 {
		if i == 100 {
			journald.Kill()
			journald.Restart()
		}
		begun := time.Now()
		send(f.T, fmt.Sprint("line ", i))
		select {
		case e := <-lines:
			if e == nil || e.Fields["MESSAGE"] != fmt.Sprint("line ", i) || e.AgentID != "node-a" {
				f.Fatalf("%+v, want line %d", e, i)
			}
		case <-time.After(20 * time.Second):
			f.Fatalf("line %d does not come", i)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	f.Logf("from the socket of journald to the client: p50 %v, p99 %v", took[100], took[198])
}

// send sends a line to journald.
func send(t *testing.T, message string) {
	t.Helper()
	c, err := net.Dial("unixgram", rig.JournaldSocket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "MESSAGE="+message+"\nSYSLOG_IDENTIFIER=fleet\n"); err != nil {
		t.Fatal(err)
	}
}

// sleeps is L-A2: a query that follows, and begins after entries that do not exist yet,
// uses no processor.
func (f *fleet) sleeps() {
	f.Helper()
	_, last := f.numbers(url.Values{"agent": {"node-b,node-c"}, "limit": {"1"}, "tail": {"1"}})
	body, err := f.client.LogsRaw(f.Context(), url.Values{
		"agent": {"node-b,node-c"}, "follow": {"1"}, "cursor": {last}, "skip": {"50"},
	}, "application/x-ndjson")
	if err != nil {
		f.Fatal(err)
	}
	defer body.Close()
	cpu := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	time.Sleep(200 * time.Millisecond)
	before := cpu()
	time.Sleep(2 * time.Second)
	used := cpu() - before
	f.Logf("while it waits the whole test uses %.1f%% of a core", 100*used.Seconds()/2)
	if used > time.Second { // a loop without end would use two
		f.Errorf("a query that waits uses %v of 2 s", used)
	}
}
