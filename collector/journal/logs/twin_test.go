package logs

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
)

// twin is the same entries as journal files and as a plain store.
type twin struct {
	n      *Node
	store  *testlogs.Logs
	cursor []string // of the node, by number
	random *rand.Rand
}

var (
	ids = []string{strings.Repeat("a1", 32), strings.Repeat("b2", 32), "box1", "4f7d9a3c-1e52-4d6f-9a51-5a6e3e6f0001"}
)

// newTwin writes entries of all sorts to several files, interleaved.
func newTwin(t *testing.T, seed uint64, entries int) *twin {
	tw := &twin{store: testlogs.New(""), random: rand.New(rand.NewPCG(seed, 2))}
	identities := NewIdentities(parsePath)
	identities.Came("/docker/"+ids[1], identity(ids[1], "web", "task_name=web", "task_id=web.1",
		"framework_name=marathon", "application_name=/shop/web"))
	dir := t.TempDir()
	files := make([][]line, 3)
	for i := range entries {
		l, e := tw.line(i)
		k := tw.random.IntN(len(files))
		files[k] = append(files[k], l)
		tw.store.Add(e)
	}
	for k, lines := range files {
		writeJournal(t, filepath.Join(dir, fmt.Sprintf("f%d.journal", k)), lines)
	}
	tw.n = node(t, identities, dir)
	all, events, err := read(t, tw.n, &query.LogQuery{})
	if err != nil || len(events) > 0 || len(all) != entries {
		t.Fatalf("%d entries of %d, events %v, error %v", len(all), entries, events, err)
	}
	for _, e := range all {
		tw.cursor = append(tw.cursor, e.Cursor)
	}
	return tw
}

// line makes the entry of a number, as it is written and as it has to be read.
func (tw *twin) line(i int) (line, entry.Entry) {
	r := tw.random
	boot := boot1
	if i >= 200 {
		boot = boot2
	}
	l := line{realtime: longAgo + int64(i)*1000, monotonic: 5 + int64(i)*1000, boot: boot}
	e := entry.Entry{Realtime: l.realtime, Monotonic: l.monotonic}
	b, _ := hex.DecodeString(boot)
	e.Boot = [16]byte(b)
	e.Origin.SetTag("agent_id", agent)
	message := []string{"request served", "error: no such file", "GET /index.html", "x"}[r.IntN(4)]
	f := []string{fmt.Sprint("NUMBER=", i), fmt.Sprint("MESSAGE=", message, " ", i)}
	if r.IntN(5) > 0 {
		f = append(f, fmt.Sprint("PRIORITY=", r.IntN(8)))
	}
	switch r.IntN(8) {
	case 0: // Docker's driver
		f = append(f, "_SYSTEMD_CGROUP=/system.slice/docker.service", "_SYSTEMD_UNIT=docker.service", "_UID=0",
			"CONTAINER_ID="+ids[0][:12], "CONTAINER_ID_FULL="+ids[0], "CONTAINER_NAME=db")
		for tag, v := range map[string]string{"container_id": ids[0], "task_id": ids[0], "task_name": "db"} {
			e.Origin.SetTag(tag, v)
		}
	case 1: // a program in a container that the collector knows
		f = append(f, "_SYSTEMD_CGROUP=/docker/"+ids[1]+"/inner", "_UID=0")
		for tag, v := range map[string]string{"container_id": ids[1], "task_id": "web.1", "task_name": "web",
			"framework_name": "marathon", "application_name": "/shop/web"} {
			e.Origin.SetTag(tag, v)
		}
	case 2: // one that ended
		f = append(f, "_SYSTEMD_CGROUP=/box/"+ids[2], "_UID=1000")
		for tag, v := range map[string]string{"container_id": ids[2], "task_id": ids[2], "task_name": ids[2]} {
			e.Origin.SetTag(tag, v)
		}
	case 3: // daytwo log-pipe
		f = append(f, "_SYSTEMD_CGROUP=/system.slice/dcos-mesos-slave.service", "_UID=0", "CONTAINER_ID="+ids[3],
			"TASK_ID=batch.7", "TASK_NAME=batch", "FRAMEWORK_ID=f-0001", "EXECUTOR_ID=batch.7",
			"STREAM="+[]string{"STDOUT", "STDERR"}[r.IntN(2)])
		for tag, v := range map[string]string{"container_id": ids[3], "task_id": "batch.7", "task_name": "batch",
			"framework_id": "f-0001", "executor_id": "batch.7"} {
			e.Origin.SetTag(tag, v)
		}
	case 4: // a forgery: a program in box2 says that it is box1, and the container of Docker
		f = append(f, "_SYSTEMD_CGROUP=/box/box2", "_UID=0", "CONTAINER_ID=box1", "CONTAINER_ID_FULL="+ids[0],
			"TASK_NAME=web", "CONTAINER_NAME=db")
		for tag, v := range map[string]string{"container_id": "box2", "task_id": "box2", "task_name": "box2"} {
			e.Origin.SetTag(tag, v)
		}
	default:
		unit := []string{"ssh.service", "cron.service"}[r.IntN(2)]
		f = append(f, "_SYSTEMD_UNIT="+unit, "_SYSTEMD_CGROUP=/system.slice/"+unit, "_UID=0")
	}
	l.fields = f
	e.Fields = append(e.Fields, entry.Field{Name: "_BOOT_ID", Value: []byte(boot)})
	for _, s := range f {
		name, v, _ := strings.Cut(s, "=")
		e.Fields = append(e.Fields, entry.Field{Name: name, Value: []byte(v)})
	}
	if e.Origin.Tag("container_id") == ids[0] { // Docker's driver says the stream by the priority
		for p, stream := range map[string]string{"3": "STDERR", "6": "STDOUT"} {
			if v, _ := e.Get("PRIORITY"); string(v) == p {
				e.Fields = append(e.Fields, entry.Field{Name: "STREAM", Value: []byte(stream)})
			}
		}
	}
	return l, e
}

// query makes a query, and the same one with cursors of the store.
func (tw *twin) query() (mine, plain query.LogQuery) {
	r := tw.random
	pick := func(of ...string) []string { return []string{of[r.IntN(len(of))]} }
	var q query.LogQuery
	maybe := func(one int, set func()) {
		if r.IntN(one) == 0 {
			set()
		}
	}
	maybe(4, func() { q.Containers = pick(ids[0], ids[1], ids[2], "box2", ids[3], "box*", ids[1][:20], "*") })
	maybe(6, func() { q.Tasks = pick("web", "db", "batch", "b*", "box?", "batch.7", "web.1") })
	maybe(12, func() { q.Frameworks = pick("f-0001", "marathon", "mara*") })
	maybe(12, func() { q.Executors = pick("batch.7", "*") })
	maybe(12, func() { q.Applications = pick("/shop/web", "/shop/*") })
	maybe(6, func() { q.Units = pick("ssh.service", "cron.service", "*.service", "ssh.s", "docker.service") })
	maybe(6, func() {
		q.Matches = pick("PRIORITY=3", "STREAM=STDOUT", "CONTAINER_ID="+ids[3], "CONTAINER_ID="+ids[1],
			"TASK_NAME=web", "AGENT_ID="+agent, "_UID=0")
	})
	maybe(10, func() {
		q.Matches = []string{"PRIORITY=3", "PRIORITY=4", "_UID=0", "+", "FRAMEWORK_ID=f-0001", "STREAM=STDERR"}
	})
	maybe(5, func() { q.Grep = pick("error", "^GET /.*html", "served|x", "(?i)ERROR", "no (such)+ file")[0] })
	maybe(5, func() {
		p := query.PriorityRange{Min: r.IntN(4)}
		p.Max = p.Min + r.IntN(8-p.Min)
		q.Priority = &p
	})
	maybe(5, func() { q.Since = longAgo + r.Int64N(400_000) })
	maybe(5, func() { q.Until = longAgo + r.Int64N(400_000) })
	maybe(8, func() { q.Boot = pick(boot1, boot2)[0] })
	maybe(3, func() { q.Limit = r.Int64N(30) })
	switch r.IntN(3) {
	case 0:
		q.Reverse = true
	case 1:
		q.Tail = true
	}
	maybe(3, func() { q.Skip = r.Int64N(60) - 30 })
	maybe(10, func() { q.Fields = []string{"NUMBER", "MESSAGE"} })
	maybe(6, func() {
		q.Scope = &query.LogScope{Selectors: [][]query.LogCondition{
			{{Tag: "task_name", Patterns: pick("web", "b*", "*")}}, {{Tag: "container_id", Patterns: []string{"box1"}}}}}
	})
	mine, plain = q, q
	maybe(3, func() {
		at := r.IntN(len(tw.cursor))
		mine.Cursor, plain.Cursor = tw.cursor[at], fmt.Sprintf("s=test;i=%x", at+1)
	})
	return mine, plain
}

func numbersOf(entries []*entry.Entry) (all []string) {
	for _, e := range entries {
		v, _ := e.Get("NUMBER")
		all = append(all, string(v))
	}
	return all
}

// Every query has the answer that the plain twin gives: entries, origins, fields, values,
// histograms and boots.
func TestTwin(t *testing.T) {
	for seed := range uint64(2) {
		tw := newTwin(t, seed, 400)
		some := 0
		for range 400 {
			mine, plain := tw.query()
			got, events, err := read(t, tw.n, &mine)
			expect, _, _ := read(t, tw.store, &plain)
			if err != nil && (!errors.Is(err, query.ErrNoSuchSource) || len(expect) > 0) || len(events) > 0 {
				t.Fatalf("%+v: error %v, events %v; want %d entries", mine, err, events, len(expect))
			}
			if !slices.Equal(numbersOf(got), numbersOf(expect)) {
				t.Fatalf("%+v:\ngot  %v\nwant %v", mine, numbersOf(got), numbersOf(expect))
			}
			for i, e := range got {
				if e.Origin != expect[i].Origin || e.Realtime != expect[i].Realtime || e.Boot != expect[i].Boot {
					t.Fatalf("got %+v\nwant %+v", e, expect[i])
				}
				if !sameFields(e, expect[i]) {
					t.Fatalf("got %q\nwant %q", e.Fields, expect[i].Fields)
				}
			}
			if some += len(got); err == nil {
				tw.facets(t, mine, plain)
			}
		}
		if some < 2_000 {
			t.Errorf("only %d entries were selected", some)
		}
	}
}

// sameFields compares fields in any order.
func sameFields(got, want *entry.Entry) bool {
	list := func(e *entry.Entry) (all []string) {
		for _, f := range e.Fields {
			all = append(all, f.Name+"="+string(f.Value))
		}
		slices.Sort(all)
		return all
	}
	return slices.Equal(list(got), list(want))
}

func (tw *twin) facets(t *testing.T, mine, plain query.LogQuery) {
	t.Helper()
	reset := func(q *query.LogQuery) {
		q.Cursor, q.Limit, q.Skip, q.Tail, q.Reverse, q.Fields = "", 0, 0, false, false, nil
	}
	reset(&mine)
	reset(&plain)
	ctx := t.Context()
	same := func(what string, got, want any, err error) {
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%+v: %s: got %v, want %v, error %v", mine, what, got, want, err)
		}
	}
	switch tw.random.IntN(4) {
	case 0:
		got, err := tw.n.Histogram(ctx, &mine, 50_000)
		want, _ := tw.store.Histogram(ctx, &plain, 50_000)
		same("histogram", got, want, err)
	case 1:
		got, err := tw.n.Fields(ctx, &mine)
		want, _ := tw.store.Fields(ctx, &plain)
		drop := func(s string) bool { return s == "STREAM" }
		same("fields", slices.DeleteFunc(got, drop), slices.DeleteFunc(want, drop), err)
	case 2:
		field := []string{"NUMBER", "PRIORITY", "CONTAINER_ID", "TASK_NAME", "_UID", "AGENT_ID"}[tw.random.IntN(6)]
		got, err := tw.n.Values(ctx, &mine, field, 20)
		want, _ := tw.store.Values(ctx, &plain, field, 20)
		same("values of "+field, got, want, err)
	case 3:
		got, err := tw.n.Boots(ctx, &mine)
		want, _ := tw.store.Boots(ctx, &plain)
		same("boots", got, want, err)
	}
}
