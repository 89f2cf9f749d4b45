package prom

import (
	"io"
	"sync"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// flushAt is the size at which the buffer is written, in bytes.
const flushAt = 64 << 10

// exposition writes ticks in Prometheus' text format, in OpenMetrics, or in
// Prometheus' protocol buffers, which have native histograms. It caches the label
// texts of rows, so one serves many scrapes, from many goroutines at once.
type exposition struct {
	agentLabel bool

	mu     sync.Mutex
	agents map[string]*labelCache
	plans  appPlans
	bufs   sync.Pool
}

// newExposition returns an exposition. With agentLabel every sample has the label
// agent_id, as an exposition of more than one agent needs.
func newExposition(agentLabel bool) *exposition {
	return &exposition{
		agentLabel: agentLabel,
		agents:     map[string]*labelCache{},
		bufs:       sync.Pool{New: func() any { b := make([]byte, 0, flushAt+16<<10); return &b }},
	}
}

// source is one table and the labels of its rows.
type source struct {
	table  *frame.Table
	labels *rowLabels
	app    *appRows // of kind App, in place of labels
	time   int64
}

// write writes the ticks in a format, each family once, then what more writes.
// The end mark of OpenMetrics is left to the caller.
func (e *exposition) write(w io.Writer, f format, more func(*writer), batches ...*frame.Batch) error {
	var sources [metric.MaxKind + 1][]source
	for _, b := range batches {
		cache := e.cache(b.Agent, len(batches))
		for i := range b.Tables {
			t := &b.Tables[i]
			if t.Kind > metric.MaxKind || len(t.Vals) < len(t.Rows)*t.Width() {
				continue
			}
			s := source{table: t, time: b.Time}
			if t.Kind == metric.App {
				s.app = cache.appOf(b, t, e.agentLabel)
			} else {
				s.labels = cache.of(b, t, e.agentLabel)
			}
			sources[t.Kind] = append(sources[t.Kind], s)
		}
	}
	buf := e.bufs.Get().(*[]byte)
	defer e.bufs.Put(buf)
	p := writer{w: w, buf: (*buf)[:0], format: f}
	for i := range families {
		fam := &families[i]
		header := false
		for j := range fam.samples {
			for _, src := range sources[fam.samples[j].kind] {
				header = p.samples(fam, &fam.samples[j], src, header)
			}
		}
	}
	if app := sources[metric.App]; len(app) > 0 {
		plan := e.plans.of(app)
		for _, f := range plan.families {
			p.appFamily(f, plan, app)
		}
	}
	if more != nil {
		more(&p)
	}
	p.flush()
	*buf = p.buf[:0]
	return p.err
}

// cache returns the label cache of an agent. When there are many more caches than
// agents in this scrape, all are dropped: some agents are gone.
func (e *exposition) cache(agent string, writing int) *labelCache {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.agents[agent]
	if c == nil {
		if len(e.agents) > 2*writing+64 {
			clear(e.agents)
		}
		c = &labelCache{}
		e.agents[agent] = c
	}
	return c
}
