package relay

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// sender is a node with two containers. Each sends a timer with two paths, and a counter.
// all holds every observation that they sent.
type sender struct {
	frame.Batch
	enc *frame.Encoder
	r   *rand.Rand
	all []observation
}

type observation struct {
	at        int64
	container string
	path      string
	value     float64
	weight    float64
}

func newSender(agent string, at int64, seed uint64) *sender {
	s := &sender{enc: frame.NewEncoder(frame.EncoderOptions{KeyEvery: 6}), r: rand.New(rand.NewPCG(seed, 1))}
	s.Header = frame.Header{Agent: agent, Boot: seed, Time: at, Interval: 1e9}
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
		for _, path := range []string{"/", "/buy"} {
			app.Rows = append(
				app.Rows,
				&frame.Row{
					ID:     uint64(len(app.Rows) + 1),
					Parent: uint64(i + 1),
					Key:    "request.time",
					Labels: []frame.Label{{Name: "tag.path", Value: path}, {Name: "type", Value: "ms"}},
				},
			)
			app.Histograms = append(app.Histograms, new(sketch.Histogram))
		}
		app.Rows = append(
			app.Rows,
			&frame.Row{
				ID:     uint64(len(app.Rows) + 1),
				Parent: uint64(i + 1),
				Key:    "requests",
				Labels: []frame.Label{{Name: "type", Value: "c"}},
			},
		)
		app.Histograms = append(app.Histograms, nil)
	}
	groups.Vals = make([]int64, len(groups.Rows)*groups.Width())
	for range len(app.Rows) * app.Width() {
		app.Vals = append(app.Vals, metric.Absent)
	}
	s.Tables = []frame.Table{groups, app}
	return s
}

// tick sends some observations: more and larger ones from the second container.
func (s *sender) tick() [][]byte {
	s.Seq++
	s.Time += s.Interval
	app := &s.Tables[1]
	for i, h := range app.Histograms {
		row, r := app.Row(i), app.Rows[i]
		if h == nil {
			row[metric.AppValue] = metric.FromFloat(float64(s.Seq) * 2.5)
			continue
		}
		for range s.r.IntN(30) * int(r.Parent) {
			o := observation{s.Time, s.Tables[0].Rows[r.Parent-1].Label("container_id"), r.Label("tag.path"), 0, 1}
			o.value = math.Round(20*float64(r.Parent)*math.Exp(s.r.NormFloat64())*64) / 64
			if s.r.IntN(5) == 0 {
				o.weight = 10
			}
			h.Insert(o.value, o.weight)
			s.all = append(s.all, o)
		}
		row[metric.AppCount], row[metric.AppSum] = metric.FromFloat(h.Count()), metric.FromFloat(h.Sum())
	}
	parts, err := s.enc.Encode(&s.Batch)
	if err != nil {
		panic(err)
	}
	out := make([][]byte, len(parts))
	for i := range parts {
		out[i] = bytes.Clone(parts[i])
	}
	return out
}

// restart begins another run of the collector, in which all counts start from 0.
func (s *sender) restart() {
	s.Boot, s.Seq = s.Boot+1, 0
	for _, h := range s.Tables[1].Histograms {
		if h != nil {
			h.Reset()
		}
	}
}

// histogramOf returns a histogram of the observations sent in (from, to].
func histogramOf(from, to int64, match func(observation) bool, senders ...*sender) *sketch.Histogram {
	h := new(sketch.Histogram)
	for _, s := range senders {
		for _, o := range s.all {
			if o.at > from && o.at <= to && match(o) {
				h.Insert(o.value, o.weight)
			}
		}
	}
	return h
}

// timed is two nodes whose timers have reached two relays over NATS.
type timed struct {
	cfg        Config
	other      *running // another relay, whose packages the test calls directly
	one, two   *sender
	begin, end int64
	get        func(params string) (int, v1.Matrix, string)
	span       string // parameters: from begin to end
}

// send sends thirty ticks of two nodes; the collector of one restarts meanwhile.
func send(t *testing.T) *timed {
	t.Helper()
	b := newBroker(t)
	d := &timed{cfg: serve(t, b), other: run(t, b, Config{}), begin: time.Now().Unix()*1e9 - 60e9}
	d.one, d.two = newSender("node-1", d.begin, 1), newSender("node-2", d.begin, 2)
	frames := uint64(0)
	for i := range 30 {
		if i == 17 {
			d.two.restart()
		}
		for _, s := range []*sender{d.one, d.two} {
			parts := s.tick()
			b.publish(s.Agent, parts...)
			frames += uint64(len(parts))
		}
	}
	d.end = d.one.Time
	d.other.taken(frames)
	d.get = asker(t, d.cfg)
	d.span = fmt.Sprintf("&start=%d&end=%d", d.begin/1e9, d.end/1e9)
	waitForCounters(t, d.get, d.span)
	return d
}

func (d *timed) ask(t *testing.T, params string) v1.Matrix {
	t.Helper()
	code, m, body := d.get(params + d.span)
	if code != 200 {
		t.Fatalf("%s: %d %s", params, code, body)
	}
	return m
}

func anything(observation) bool { return true }

// A relay's merged histogram of two nodes, and the API's percentiles, are those of all
// values sent.
func TestPercentiles(t *testing.T) {
	d := send(t)
	t.Run("merged", d.merged)
	t.Run("every way to ask", d.waysToAsk)
	t.Run("client", d.client)
	t.Run("step by step", d.steps)
	t.Run("values", d.values)
	t.Run("rates", d.rates)
	t.Run("errors", d.errors)
}

// merged compares the relay's merged histogram with one of all values.
func (d *timed) merged(t *testing.T) {
	history := d.other.History()
	merged := new(sketch.Histogram)
	q := query.Query{Start: d.begin, End: d.end}
	err := history.Histograms(
		t.Context(),
		q,
		func(_ *query.AppSeries, _ int64, h *sketch.Histogram) error { merged.Merge(h); return nil },
	)
	if err != nil {
		t.Fatal(err)
	}
	want := histogramOf(d.begin, d.end, anything, d.one, d.two)
	if !merged.Equal(want) || merged.Count() != want.Count() || want.Count() < 1000 {
		t.Fatalf("merged: count %v sum %v, want %v and %v", merged.Count(), merged.Sum(), want.Count(), want.Sum())
	}
}

// waysToAsk tests every form of the query: each gives the quantile of all values.
func (d *timed) waysToAsk(t *testing.T) {
	for _, c := range []struct {
		params string
		groups map[string]func(observation) bool // by the value of label
		label  string
	}{
		{"metric=app:request.time&q=0.5,0.9,0.99&step=0", map[string]func(observation) bool{"": anything}, "none"},
		{"metric=request_time&percentile=50,90,99&step=0", map[string]func(observation) bool{"": anything}, "none"},
		{"metric=request_time_timer&q=0.5,0.9,0.99&step=60s", map[string]func(observation) bool{"": anything}, "none"},
		{"metric=app:request.time&q=0.5,0.9,0.99&step=0&by=path", map[string]func(observation) bool{
			"/":    func(o observation) bool { return o.path == "/" },
			"/buy": func(o observation) bool { return o.path == "/buy" }}, "path"},
		{"metric=app:request.time&q=0.5,0.9,0.99&step=0&by=task_name&match=agent_id=node-2",
			map[string]func(observation) bool{
				"web-0": func(o observation) bool { return o.container == "node-2-0" },
				"web-1": func(o observation) bool { return o.container == "node-2-1" }}, "task_name"},
		{"metric=app:request.time&q=0.5,0.9,0.99&step=0&by=*&match=" +
			url.QueryEscape("path=/buy,container_id=node-1-1"), map[string]func(observation) bool{
			"node-1-1": func(o observation) bool { return o.container == "node-1-1" && o.path == "/buy" }}, "container_id"},
	} {
		m := d.ask(t, c.params)
		if len(m.Result) != 3*len(c.groups) {
			t.Errorf("%s: %d series", c.params, len(m.Result))
		}
		for _, s := range m.Result {
			q, err := strconv.ParseFloat(s.Labels["quantile"], 64)
			match := c.groups[s.Labels[c.label]]
			if err != nil || match == nil || len(s.Points) != 1 {
				t.Fatalf("%s: %+v", c.params, s)
			}
			if want := histogramOf(d.begin, d.end, match, d.one, d.two).Quantile(q); s.Points[0].Value != want ||
				s.Points[0].Time.UnixNano() != d.end {
				t.Errorf("%s: %v is %+v, want %v", c.params, s.Labels, s.Points[0], want)
			}
			// And that is within 1% of the value itself.
			var values []float64
			for _, n := range []*sender{d.one, d.two} {
				for _, o := range n.all {
					for range int(o.weight) {
						if match(o) {
							values = append(values, o.value)
						}
					}
				}
			}
			slices.Sort(values)
			if exact := values[int(q*float64(len(values)-1))]; math.Abs(s.Points[0].Value-exact) > 0.01*exact {
				t.Errorf("%s: %v is %v, exactly %v", c.params, s.Labels, s.Points[0].Value, exact)
			}
		}
	}
}

func (d *timed) client(t *testing.T) {
	token, err := os.ReadFile(filepath.Join(d.cfg.DataDir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(d.cfg.Listen, strings.TrimSpace(string(token)))
	if err != nil {
		t.Fatal(err)
	}
	by, err := c.Query(
		t.Context(),
		client.Query{Metric: "app:request.time", Quantiles: []float64{0.5, 0.99}, By: []string{"agent_id", "path"},
			Start: time.Unix(0, d.begin), End: time.Unix(0, d.end), Step: time.Hour},
	)
	if err != nil || len(by.Result) != 8 {
		t.Errorf("%d series, %v", len(by.Result), err)
	}
}

func (d *timed) steps(t *testing.T) {
	m := d.ask(t, "metric=app:request.time&q=0.95&step=7s")
	if len(m.Result) != 1 || len(m.Result[0].Points) != 5 {
		t.Fatalf("%+v", m)
	}
	for i, p := range m.Result[0].Points {
		from := d.begin + int64(i)*7e9
		if want := histogramOf(from, min(d.end, from+7e9), anything, d.one, d.two).Quantile(0.95); p.Value != want ||
			p.Time.UnixNano() != min(d.end, from+7e9) {
			t.Errorf("step %d: %+v, want %v", i, p, want)
		}
	}
}

// values expects raw counts, which do not decrease across keyframes.
func (d *timed) values(t *testing.T) {
	count := d.ask(t, "metric=request_time_count&step=0&match=container_id=node-1-0,path=/")
	if p := count.Result[0].Points; len(count.Result) != 1 ||
		p[len(p)-1].Value != histogramOf(
			d.begin,
			d.end,
			func(o observation) bool { return o.container == "node-1-0" && o.path == "/" },
			d.one,
		).Count() {
		t.Errorf("%+v", count)
	}
	if count.Result[0].Labels["__name__"] != "request_time_count" || count.Result[0].Labels["path"] != "/" ||
		count.Result[0].Labels["task_name"] != "web-0" {
		t.Errorf("%v", count.Result[0].Labels)
	}
	for _, s := range d.ask(t, "metric=app:request.time&step=0&match=agent_id=node-1").Result { // over five keyframes
		for i := 1; i < len(s.Points); i++ {
			if s.Points[i].Value < s.Points[i-1].Value {
				t.Errorf("%v: %v after %v", s.Labels, s.Points[i].Value, s.Points[i-1].Value)
			}
		}
	}
}

// rates expects no negative rate where the collector restarts.
func (d *timed) rates(t *testing.T) {
	for _, s := range d.ask(t, "metric=app:requests&rate=1&step=0").Result {
		if len(s.Points) < 28 {
			t.Errorf("%v: %d points", s.Labels, len(s.Points))
		}
		for _, p := range s.Points {
			if p.Value != 2.5 {
				t.Errorf("%v: %v a second at %v", s.Labels, p.Value, p.Time)
			}
		}
	}
}

func (d *timed) errors(t *testing.T) {
	for params, want := range map[string]int{
		"metric=app:nothing&q=0.5": 200, "metric=nothing_at_all&q=0.5": 400, "metric=nothing_at_all": 400,
		"metric=app:nothing":               200,
		"metric=app:requests&q=0.5&step=0": 200, "metric=app:request.time&q=1.5": 400, "metric=app:request.time&q=x": 400,
		"metric=app:request.time&q=0.5&percentile=50": 400, "metric=cpu.usage&q=0.5": 400,
		"metric=app:request.time&by=path":        400,
		"metric=app:request.time&q=0.5&by=a%22b": 400, "metric=app:request.time&q=0.5&rate=1": 400,
		"metric=app:request.time&q=0.5&agent=node-3": 404,
	} {
		if code, m, body := d.get(params + d.span); code != want || want == 200 && len(m.Result) != 0 {
			t.Errorf("%s: %d %s", params, code, body)
		}
	}
}
