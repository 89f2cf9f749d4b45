package relay

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/daytwo/daytwo/api/v1"
)

// setNode is a node with two containers. Each sends two small sets, users of two paths,
// and a large one, visitors, whose members partly overlap with those of the other
// containers; also a counter and a timer. The sets are reset every ten ticks.
type setNode struct {
	frame.Batch
	enc   *frame.Encoder
	first int // number of its first container among all nodes' containers
	shown []shown
}

// shown is the content of a set in one tick: the members with numbers in [from, to).
type shown struct {
	at               int64
	agent, container string
	metric, path     string
	from, to         int
}

func newSetNode(agent string, at int64, first int) *setNode {
	g := &setNode{enc: frame.NewEncoder(frame.EncoderOptions{KeyEvery: 6}), first: first}
	g.Header = frame.Header{Agent: agent, Boot: uint64(first + 1), Time: at, Interval: 1e9}
	groups, app := frame.Table{Kind: metric.Container, Gen: 1}, frame.Table{Kind: metric.App, Gen: 1}
	for i := range 2 {
		id := fmt.Sprintf("%s-%d", agent, i)
		groups.Rows = append(
			groups.Rows,
			&frame.Row{
				ID:  uint64(i + 1),
				Key: "/docker/" + id,
				Labels: []frame.Label{
					{Name: "container_id", Value: id},
					{Name: "task_name", Value: fmt.Sprint("web-", i)},
				},
			},
		)
		add := func(key, typ, path string, set *sketch.Set) {
			row := &frame.Row{ID: uint64(len(app.Rows) + 1), Parent: uint64(i + 1), Key: key}
			if path != "" {
				row.Labels = append(row.Labels, frame.Label{Name: "tag.path", Value: path})
			}
			row.Labels = append(row.Labels, frame.Label{Name: "type", Value: typ})
			app.Rows = append(app.Rows, row)
			app.Sets = append(app.Sets, set)
		}
		add("requests", "c", "", nil)
		add("users", "s", "/", new(sketch.Set))
		add("users", "s", "/buy", new(sketch.Set))
		add("request.time", "ms", "", nil)
		add("visitors", "s", "", new(sketch.Set))
	}
	groups.Vals = make([]int64, len(groups.Rows)*groups.Width())
	for range len(app.Rows) * app.Width() {
		app.Vals = append(app.Vals, metric.Absent)
	}
	g.Tables = []frame.Table{groups, app}
	return g
}

func member(metric string, n int) []byte {
	return binary.LittleEndian.AppendUint64([]byte(metric), uint64(n))
}

// tick adds members to the sets, and resets them every ten ticks.
func (g *setNode) tick(n int) [][]byte {
	g.Seq++
	g.Time += g.Interval
	app := &g.Tables[1]
	for i, set := range app.Sets {
		r := app.Rows[i]
		if set == nil {
			app.Row(i)[metric.AppValue] = metric.FromFloat(float64(n))
			continue
		}
		c := g.first + int(r.Parent) - 1
		from, each := 3*c+4*(n/10), 1
		if r.Label("tag.path") == "/buy" {
			from += 2
		}
		if r.Key == "visitors" {
			from, each = 7000*c+3000*(n/10), 2000
		}
		if n%10 == 0 {
			set.Reset()
		}
		had := n % 10 * each
		for k := range each {
			set.AddBytes(member(r.Key, from+had+k))
		}
		g.shown = append(
			g.shown,
			shown{
				at:        g.Time,
				agent:     g.Agent,
				container: g.Tables[0].Rows[r.Parent-1].Label("container_id"),
				metric:    r.Key,
				path:      r.Label("tag.path"),
				from:      from,
				to:        from + had + each,
			},
		)
		app.Row(i)[metric.AppValue] = metric.FromFloat(set.Estimate())
	}
	parts, err := g.enc.Encode(&g.Batch)
	if err != nil {
		panic(err)
	}
	out := make([][]byte, len(parts))
	for i := range parts {
		out[i] = bytes.Clone(parts[i])
	}
	return out
}

// membersOf returns the number of distinct members in the ticks in (from, to], and the
// sum of the numbers of distinct members of each series.
func membersOf(from, to int64, match func(*shown) bool, nodes ...*setNode) (distinct, sum int) {
	var all []shown
	alone := map[string][]shown{}
	for _, g := range nodes {
		for i := range g.shown {
			if s := &g.shown[i]; s.at > from && s.at <= to && match(s) {
				all = append(all, *s)
				alone[s.container+s.path] = append(alone[s.container+s.path], *s)
			}
		}
	}
	count := func(list []shown) (n int) {
		slices.SortFunc(list, func(a, b shown) int { return cmp.Compare(a.from, b.from) })
		end := 0
		for _, s := range list {
			n += max(0, s.to-max(s.from, end))
			end = max(end, s.to)
		}
		return n
	}
	for _, list := range alone {
		sum += count(list)
	}
	return count(all), sum
}

// sent is two nodes whose sets have reached two relays over NATS.
type sent struct {
	cfg        Config
	other      *running // a second relay, whose packages the test calls directly
	one, two   *setNode
	begin, end int64
	get        func(params string) (int, v1.Matrix, string)
	span       string // query parameters: from begin to end
}

// sendSets sends thirty ticks of two nodes; the collector of one restarts meanwhile.
func sendSets(t *testing.T) *sent {
	t.Helper()
	b := newBroker(t)
	g := &sent{cfg: serve(t, b), other: run(t, b, Config{}), begin: time.Now().Unix()*1e9 - 60e9}
	g.one, g.two = newSetNode("node-1", g.begin, 0), newSetNode("node-2", g.begin, 2)
	frames := uint64(0)
	for i := range 30 {
		if i == 17 {
			g.two.Boot, g.two.Seq = 100, 0
		}
		for _, n := range []*setNode{g.one, g.two} {
			parts := n.tick(i)
			b.publish(n.Agent, parts...)
			frames += uint64(len(parts))
		}
	}
	g.end = g.one.Time
	g.other.taken(frames)
	g.get = asker(t, g.cfg)
	g.span = fmt.Sprintf("&start=%d&end=%d", g.begin/1e9, g.end/1e9)
	waitForCounters(t, g.get, g.span)
	return g
}

// waitForCounters waits until a relay has every tick of the two nodes' counters.
func waitForCounters(t *testing.T, get func(string) (int, v1.Matrix, string), span string) {
	t.Helper()
	wait(t, "frames", func() bool {
		_, m, _ := get("metric=app:requests" + span + "&step=0")
		n := 0
		for _, s := range m.Result {
			n += len(s.Points)
		}
		return n == 120
	})
}

func (g *sent) ask(t *testing.T, params string) v1.Matrix {
	t.Helper()
	code, m, body := g.get(params + g.span)
	if code != 200 {
		t.Fatalf("%s: %d %s", params, code, body)
	}
	return m
}

// showing returns a function that matches a metric, a path and a container; "" for any.
func showing(metric, path, container string) func(*shown) bool {
	return func(s *shown) bool {
		return s.metric == metric && (path == "" || s.path == path) &&
			(container == "" || strings.Contains(s.container, container))
	}
}

// A relay's merged sets of two nodes, and the API's answers, count each member once.
func TestDistinct(t *testing.T) {
	g := sendSets(t)
	t.Run("registers", g.registers)
	t.Run("every way to ask", g.waysToAsk)
	t.Run("step by step", g.steps)
	t.Run("client", g.client)
	t.Run("values", g.values)
	t.Run("errors", g.errors)
}

// registers compares the relay's merged set with a set of all members.
func (g *sent) registers(t *testing.T) {
	history := g.other.History()
	merged, want := new(sketch.Set), new(sketch.Set)
	q := query.Query{
		Start: g.begin,
		End:   g.end,
		Match: func(_ string, row, _ *frame.Row) bool { return row.Key == "visitors" },
	}
	err := history.Sets(
		t.Context(),
		q,
		func(_ *query.AppSeries, _ int64, s *sketch.Set) error { merged.Merge(s); return nil },
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []*setNode{g.one, g.two} {
		for _, s := range n.shown {
			for k := s.from; s.metric == "visitors" && k < s.to; k++ {
				want.AddBytes(member(s.metric, k))
			}
		}
	}
	if !merged.Equal(want) || merged.Exact() {
		t.Fatalf("merged: %v, want %v", merged.Estimate(), want.Estimate())
	}
}

// waysToAsk tests every form of the query: exact for few members, within 5% for many,
// never the sum.
func (g *sent) waysToAsk(t *testing.T) {
	for _, c := range []struct {
		params string
		groups map[string]func(*shown) bool // by the value of label
		label  string
	}{
		{"metric=app:users&distinct=1&step=0", map[string]func(*shown) bool{"": showing("users", "", "")}, "none"},
		{"metric=users&distinct=1&step=60s", map[string]func(*shown) bool{"": showing("users", "", "")}, "none"},
		{"metric=users_set&distinct=true&step=0&by=path", map[string]func(*shown) bool{
			"/": showing("users", "/", ""), "/buy": showing("users", "/buy", ""),
		}, "path"},
		{"metric=app:users&distinct=1&step=0&by=task_name&match=agent_id=node-2", map[string]func(*shown) bool{
			"web-0": showing("users", "", "node-2-0"), "web-1": showing("users", "", "node-2-1")}, "task_name"},
		{"metric=app:users&distinct=1&step=0&by=*&match=" +
			url.QueryEscape("path=/buy,container_id=node-1-1"), map[string]func(*shown) bool{
			"node-1-1": showing("users", "/buy", "node-1-1")}, "container_id"},
		{"metric=app:visitors&distinct=1&step=0", map[string]func(*shown) bool{"": showing("visitors", "", "")}, "none"},
		{"metric=app:visitors&distinct=1&step=0&by=agent_id", map[string]func(*shown) bool{
			"node-1": showing("visitors", "", "node-1"), "node-2": showing("visitors", "", "node-2"),
		}, "agent_id"},
		{"metric=app:visitors&distinct=1&step=0&agent=node-1", map[string]func(*shown) bool{
			"": showing("visitors", "", "node-1"),
		}, "none"},
	} {
		m := g.ask(t, c.params)
		if len(m.Result) != len(c.groups) {
			t.Errorf("%s: %d series", c.params, len(m.Result))
		}
		for _, s := range m.Result {
			match := c.groups[s.Labels[c.label]]
			if match == nil || len(s.Points) != 1 || s.Points[0].Time.UnixNano() != g.end {
				t.Fatalf("%s: %+v", c.params, s)
			}
			want, sum := membersOf(g.begin, g.end, match, g.one, g.two)
			got := s.Points[0].Value
			switch {
			case want <= sketch.MaxExact && got != float64(want), math.Abs(got-float64(want)) > 0.05*float64(want):
				t.Errorf("%s: %v has %v, want %d", c.params, s.Labels, got, want)
			case len(c.groups) == 1 && c.label == "none" && float64(sum) < 1.4*got:
				t.Errorf("%s: %v has %v, which may be the sum: %d", c.params, s.Labels, got, sum)
			}
		}
	}
}

// steps expects that each step counts the members of its ticks.
func (g *sent) steps(t *testing.T) {
	for _, name := range []string{"users", "visitors"} {
		m := g.ask(t, "metric=app:"+name+"&distinct=1&step=7s")
		if len(m.Result) != 1 || len(m.Result[0].Points) != 5 {
			t.Fatalf("%+v", m)
		}
		for i, p := range m.Result[0].Points {
			from := g.begin + int64(i)*7e9
			to := min(g.end, from+7e9)
			want, _ := membersOf(from, to, showing(name, "", ""), g.one, g.two)
			if math.Abs(p.Value-float64(want)) > 0.05*float64(want) ||
				want <= sketch.MaxExact && p.Value != float64(want) ||
				p.Time.UnixNano() != to {
				t.Errorf("%s, step %d: %+v, want %d", name, i, p, want)
			}
		}
	}
}

func (g *sent) client(t *testing.T) {
	token, err := os.ReadFile(filepath.Join(g.cfg.DataDir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(g.cfg.Listen, strings.TrimSpace(string(token)))
	if err != nil {
		t.Fatal(err)
	}
	by, err := c.Query(t.Context(), client.Query{Metric: "app:users", Distinct: true, By: []string{"agent_id", "path"},
		Start: time.Unix(0, g.begin), End: time.Unix(0, g.end), Step: time.Hour})
	if err != nil || len(by.Result) != 4 {
		t.Errorf("%d series, %v", len(by.Result), err)
	}
}

// values expects each series' own value from a query without distinct.
func (g *sent) values(t *testing.T) {
	for _, s := range g.ask(t, "metric=app:users&step=0").Result {
		if len(s.Points) != 30 || s.Points[9].Value != 10 {
			t.Errorf("%+v", s)
		}
	}
}

func (g *sent) errors(t *testing.T) {
	for params, want := range map[string]struct {
		code int
		text string
	}{
		"metric=app:requests&distinct=1":                  {400, "not a set but a counter"},
		"metric=requests&distinct=1&agent=node-1":         {400, "not a set but a counter"},
		"metric=app:request.time&distinct=1":              {400, "not a set but a timer"},
		"metric=app:users&distinct=1&match=nobody":        {200, `"result":[]`},
		"metric=app:nothing&distinct=1":                   {200, `"result":[]`},
		"metric=nothing_at_all&distinct=1":                {400, "unknown"},
		"metric=cpu.usage&distinct=1":                     {400, "only what tasks send as sets"},
		"metric=app:users&distinct=1&q=0.5":               {400, "one of them"},
		"metric=app:users&distinct=1&rate=1":              {400, "no rate"},
		"metric=app:users&distinct=perhaps":               {400, "distinct"},
		"metric=app:users&by=path":                        {400, "distinct=1"},
		"metric=app:users&distinct=1&agent=node-3":        {404, "unknown agent"},
		"metric=app:users&q=0.5":                          {200, `"result":[]`},
		"metric=app:visitors&distinct=1&by=a%22b&step=0s": {400, "not a label name"},
	} {
		if code, _, body := g.get(params + g.span); code != want.code || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d %s", params, code, body)
		}
	}
}
