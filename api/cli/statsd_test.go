package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/gdamore/tcell/v2"
)

// sentTick is a tick in which web sends 100 lines a second.
func sentTick(seq int64) *frame.Batch {
	series := func(id, parent uint64, name, typ string, tags ...frame.Label) *frame.Row {
		return &frame.Row{ID: id, Parent: parent, Key: name, Labels: append(tags, frame.Label{Name: "type", Value: typ})}
	}
	b := tick(uint64(seq))
	b.Tables = append(b.Tables,
		newTable(metric.App, []*frame.Row{
			series(1, 2, "hits", "c"), series(2, 2, "hits", "c", frame.Label{Name: "tag.url", Value: "/b"}),
			series(3, 0, "evil\x1b[31m", "g"),
		},
			map[int]int64{metric.AppValue: metric.FromFloat(12.5), metric.AppSamples: 80 * seq},
			map[int]int64{metric.AppSamples: 20 * seq}, map[int]int64{metric.AppSamples: 7}),
		newTable(metric.Statsd, []*frame.Row{{ID: 1}, {ID: 2, Parent: 2, Key: "/docker/web"}},
			map[int]int64{
				metric.StatsdReceived: 107 * seq, metric.StatsdAccepted: 100 * seq, metric.StatsdShed: 7 * seq,
				metric.StatsdSeries: 3,
			},
			map[int]int64{
				metric.StatsdReceived: 104 * seq, metric.StatsdAccepted: 100 * seq,
				metric.StatsdRejectedValue: 3 * seq, metric.StatsdRejectedRate: seq, metric.StatsdSeries: 2,
			}))
	return b
}

func TestStatsdCommands(t *testing.T) {
	h := serve(t)
	if out, _ := ask(t, 0, "task", "statsd", "web"); out != "web has not sent anything yet\n" {
		t.Errorf("got %q", out)
	}
	h.Put(sentTick(3))
	h.Put(sentTick(4))
	check := func(want string, args ...string) {
		t.Helper()
		if out, _ := ask(t, 0, args...); !strings.Contains(out, want) {
			t.Errorf("%q lacks %q:\n%s", args, want, out)
		}
	}
	check("Rejected        16 (value 12, rate 4)\n", "task", "statsd", "web")
	check("Received        416 lines, 104 a second", "task", "statsd", "web")
	check("hits    counter       2", "task", "statsd", "web")
	check(`"rejected_by_reason": {`, "task", "statsd", "web", "--json")
	check("hits       counter  web              100       2      400", "statsd", "top")
	check("evil?[31m  gauge    (unknown)          0       1        7", "statsd", "top")
	check("web            104       2    416        16     0", "statsd", "top", "--by", "container", "--sort", "series")
	check("hits                12.5  agent_id=agent-1", "task", "metrics", "details", "web")
	out, _ := ask(t, 0, "statsd", "top", "-o", "json", "--sort", "series", "--limit", "1")
	var s v1.StatsD
	err := json.Unmarshal([]byte(out), &s)
	if err != nil || len(s.Ledgers) != 2 || len(s.Metrics) != 1 || s.Metrics[0].Series != 2 ||
		s.Metrics[0].Container != "web" {
		t.Errorf("%v: %s", err, out)
	}
	for _, args := range [][]string{
		{"--sort", "x"}, {"--by", "x"}, {"--limit", "0"}, {"-n", "-1"}, {"--interval", "1ms"},
	} {
		ask(t, 2, append([]string{"statsd", "top"}, args...)...)
	}
}

func sentSample(n int) *v1.StatsD {
	rate := 1234.5
	s := &v1.StatsD{Ledgers: []v1.Ledger{
		{AgentID: "a1", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local), All: true,
			Received: 1000, Accepted: 990, Rejected: 10, Series: 1_500_000, Rate: &rate},
		{AgentID: "a1", Name: "web", Received: 1000, Accepted: 990, Rejected: 10, Series: 40, Rate: &rate},
		{AgentID: "a1", Cgroup: "/x/bare", Received: 1, Accepted: 1, Series: 1},
	}}
	for i := range n {
		s.Metrics = append(s.Metrics, v1.SentMetric{
			AgentID: "a1", Name: fmt.Sprintf("metric.%02d", i), Type: "ms", Container: "web",
			Series: int64(n - i), Samples: 100, Rate: &rate,
		})
	}
	return s
}

func TestStatsdTopScreen(t *testing.T) {
	m := &statsdTopModel{options: statsdTopOptions{sort: "rate"}}
	show := func(name string, width, height int) {
		t.Helper()
		s := testScreen(t, width, height)
		m.draw(s)
		s.Show()
		golden(t, "statsd-top-"+name+".txt", screenText(s))
	}
	keys := func(text string) {
		for _, r := range text {
			m.key(tcell.NewEventKey(tcell.KeyRune, r, tcell.ModNone))
		}
	}
	show("asking", 80, 8)
	m.answered(sentSample(20), nil)
	show("metrics", 80, 12)
	keys("G")
	show("end", 80, 12)
	keys("a")
	show("containers", 100, 10)
	keys("a/.07")
	show("typing", 80, 10)
	m.key(tcell.NewEventKey(tcell.KeyEnter, 0, 0))
	show("narrow", 40, 8)
	keys("?")
	show("help", 80, 14)
	keys("xs")
	bad := sentSample(1)
	bad.Ledgers[0].Shed = 5
	m.answered(bad, nil)
	m.key(tcell.NewEventKey(tcell.KeyEscape, 0, 0))
	show("unbalanced", 80, 8)
	if m.options.sort != "series" || !m.queryChanged(statsdTopOptions{sort: "rate"}) {
		t.Error("another order needs no other answer")
	}
}

// The loop queries again when the order changes, as the relay sorts.
func TestStatsdTopLive(t *testing.T) {
	s := testScreen(t, 80, 10)
	asked := make(chan string, 100)
	done := make(chan error)
	ask := func(_ context.Context, o statsdTopOptions) (*v1.StatsD, error) {
		asked <- o.sort
		return sentSample(3), nil
	}
	go func() {
		m := &statsdTopModel{options: statsdTopOptions{sort: "rate", refresh: refresh{interval: time.Hour}}}
		done <- live(t.Context(), s, m, ask)
	}()
	deadline := time.After(30 * time.Second)
	receive(t, asked)
	for waiting := true; waiting; { // a key that comes during a query counts at the next one
		s.InjectKey(tcell.KeyRune, 's', tcell.ModNone)
		select {
		case by := <-asked:
			waiting = by != "series"
		case <-deadline:
			t.Fatal("the key that came during a query has no effect")
		case <-time.After(20 * time.Millisecond):
			s.InjectKey(tcell.KeyRune, 'r', tcell.ModNone)
		}
	}
	s.InjectKey(tcell.KeyRune, 'q', tcell.ModNone)
	for {
		select {
		case <-asked:
			continue
		case <-deadline:
			t.Fatal("q does not end it")
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

func TestFormatCount(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 7: "7", 0.25: "0.25", 999: "999", 1000: "1.00k", 12_345: "12.3k", 4_560_000: "4.56M", math.NaN(): "-",
	} {
		if got := formatCount(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}
