package recent

import (
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
)

// agentReader decodes one agent's frames for a query, and collects their series.
type agentReader struct {
	q     *query.Query
	agent string
	store *Store
	dec   *frame.Decoder
	cols  [1]int

	keys   map[partID]*source // the sources of keyframes
	part   frame.PartDecoder[frame.Columns]
	delta  frame.Columns
	tick   *frame.Columns // the frame that was decoded last: &delta, or the keyframe
	points int            // of all series

	byID       map[rowID]*points
	byName     map[string]*points // by identity
	order      []*points          // in the order of their first points
	parents    map[rowID]*frame.Row
	parentTick partID       // the tick whose containers were read last
	lastRows   []*frame.Row // rows of the previous frame
	lastPoints []*points    // the points of lastRows
}

// newAgentReader returns a reader of an agent's frames, src, which include the keyframes
// that they refer to. The caller returns its decoder to the pool.
func newAgentReader(s *Store, q *query.Query, agent string, src []source) *agentReader {
	g := &agentReader{q: q, agent: agent, store: s, keys: make(map[partID]*source), dec: s.decode.get()}
	g.part.Keyframe = g.keyframe
	g.part.Decode = func(_ *frame.Header, data []byte, key, dst *frame.Columns) error {
		begun := time.Now()
		err := g.dec.DecodeColumns(data, key, dst, g.q.Kind, g.cols[:])
		g.store.decode.took(begun, err)
		return err
	}
	for i := range src {
		if r := &src[i]; r.Keyframe() {
			g.keys[partID{r.Boot, r.Seq, r.Part}] = r
		}
	}
	return g
}

// rowID identifies a row of an agent: row IDs are unique within one run of a collector.
type rowID struct{ boot, id uint64 }

// points is the series of one row. It stays empty if the row does not match the query.
type points struct {
	query.Series
	match bool
}

// frame decodes one frame and adds its points. Its only error is query.ErrTooMany; it
// skips a frame that cannot be read.
func (g *agentReader) frame(r *source) error {
	if !g.columns(r) {
		return nil
	}
	vals := g.tick.Vals[0]
	for i, row := range g.tick.Rows {
		var to *points
		if i < len(g.lastRows) && g.lastRows[i] == row {
			to = g.lastPoints[i]
		} else {
			to = g.find(&r.Header, row)
			if i < len(g.lastRows) {
				g.lastRows[i], g.lastPoints[i] = row, to
			} else if i == len(g.lastRows) {
				g.lastRows, g.lastPoints = append(g.lastRows, row), append(g.lastPoints, to)
			}
		}
		if !to.match || vals[i] == metric.Absent {
			continue
		}
		if g.points++; g.points > g.q.Limit {
			return query.ErrTooMany
		}
		to.Times = append(to.Times, r.Time)
		to.Values = append(to.Values, vals[i])
	}
	return nil
}

// columns decodes the queried column of a frame into g.tick. It reports whether the
// frame could be read and decoded.
func (g *agentReader) columns(r *source) bool {
	data, err := r.bytes()
	if err != nil {
		g.store.failed()
		return false
	}
	g.tick, err = g.part.Next(&r.Header, data, &g.delta)
	return err == nil
}

// keyframe returns the encoded keyframe of a delta.
func (g *agentReader) keyframe(h *frame.Header) ([]byte, error) {
	if k := g.keys[partID{h.Boot, h.Key, h.Part}]; k != nil {
		data, err := k.bytes()
		if err != nil {
			g.store.failed()
		}
		return data, err
	}
	_, key, err := g.store.Tick(g.agent, h.Boot, h.Seq) // memory dropped it meanwhile, the disk has it
	if err != nil {
		return nil, err
	}
	if int(h.Part) >= len(key) {
		return nil, frame.ErrNoKey
	}
	k := &source{data: key[h.Part]}
	g.keys[partID{h.Boot, h.Key, h.Part}] = k
	return k.data, nil
}

// find returns the points that a row's values go to.
func (g *agentReader) find(h *frame.Header, row *frame.Row) *points {
	id := rowID{h.Boot, row.ID}
	if p := g.byID[id]; p != nil {
		return p
	}
	if g.byID == nil {
		g.byID, g.byName = make(map[rowID]*points), make(map[string]*points)
	}
	parent := g.parent(h, row)
	p := &points{match: g.q.Match == nil || g.q.Match(g.agent, row, parent)}
	if p.match {
		name := identity(row, parent)
		if same := g.byName[name]; same != nil {
			// The same entity in another run of the collector, or under another row ID:
			// the last row is the one that the newest tick has.
			p = same
			p.Row, p.Parent = row, parent
		} else {
			p.Series = query.Series{Agent: g.agent, Row: row, Parent: parent}
			g.byName[name] = p
			g.order = append(g.order, p)
		}
	}
	g.byID[id] = p
	return p
}

// parent returns the container's row to which a row belongs; nil if it does not belong to
// one, or the container is unknown.
func (g *agentReader) parent(h *frame.Header, row *frame.Row) *frame.Row {
	if row.Parent == 0 {
		return nil
	}
	id := rowID{h.Boot, row.Parent}
	if p := g.parents[id]; p != nil {
		return p
	}
	if g.parents == nil {
		g.parents = make(map[rowID]*frame.Row)
	}
	if tick := (partID{boot: h.Boot, seq: h.Seq}); tick != g.parentTick {
		g.parentTick = tick
		g.containers(h.Boot, h.Seq)
		if g.parents[id] == nil && h.Seq > 1 { // the container ended since the previous tick
			g.containers(h.Boot, h.Seq-1)
		}
	}
	return g.parents[id]
}

// containers adds the container rows of a tick, and of its keyframe, to g.parents.
func (g *agentReader) containers(boot, seq uint64) {
	parts, keys, err := g.store.Tick(g.agent, boot, seq)
	if err != nil {
		return
	}
	dec := g.store.decode.get() // g.dec may be decoding a frame now
	defer g.store.decode.put(dec)
	var key, tick frame.Columns
	for i, data := range parts {
		if keys != nil {
			err = dec.DecodeColumns(keys[i], nil, &key, metric.Container, nil)
		}
		if err == nil {
			err = dec.DecodeColumns(data, &key, &tick, metric.Container, nil)
		}
		if err != nil {
			return
		}
		if keys != nil {
			for _, c := range key.Rows { // includes containers that ended since
				g.parents[rowID{boot, c.ID}] = c
			}
		}
		for _, c := range tick.Rows {
			g.parents[rowID{boot, c.ID}] = c
		}
	}
}
