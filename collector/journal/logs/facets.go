package logs

import (
	"context"
	"slices"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/journal/logdriver"
)

// each calls fn with each entry of a plan, in order, or with those of log files alone. fn
// must not keep anything.
func (o *opened) each(ctx context.Context, p *plan, filesOnly bool, fn func(w *state, usec int64) bool) error {
	p.follow = false // it counts what there is
	src := o.files(p)
	if !filesOnly {
		src = o.source(p)
	}
	if src == nil {
		return nil
	}
	defer src.close()
	if p.since > 0 {
		src.seekTime(p.since)
	} else {
		src.seekHead()
	}
	for {
		ok, err := src.step(ctx, forward)
		if !ok || err != nil {
			return err
		}
		if w := src.status(); w.wanted && !fn(w, src.realtime()) {
			return nil
		}
	}
}

// Fields implements query.Logs.
func (n *Node) Fields(ctx context.Context, q *query.LogQuery) ([]string, error) {
	o, p, err := n.plan(ctx, q)
	if err != nil {
		return nil, err
	}
	defer n.release()
	ctx, done := n.counting(ctx)
	defer done()
	if p.plain() {
		names, _ := o.j.FieldNames() // files that cannot be read are told of by whoever reads entries
		names = slices.DeleteFunc(names, logdriver.IsHidden)
		if i, ok := slices.BinarySearch(names, "STREAM"); !ok && slices.Contains(names, "CONTAINER_ID_FULL") {
			names = slices.Insert(names, i, "STREAM") // see withStream
		}
		return names, nil
	}
	seen := map[string]struct{}{}
	var names []string
	err = o.each(ctx, p, false, func(w *state, _ int64) bool {
		for i := range w.fields {
			if _, ok := seen[w.fields[i].Name]; !ok {
				seen[w.fields[i].Name] = struct{}{}
				names = append(names, w.fields[i].Name)
			}
		}
		return true
	})
	slices.Sort(names)
	return names, n.unfinished(ctx, err)
}

// Values implements query.Logs.
func (n *Node) Values(ctx context.Context, q *query.LogQuery, field string, limit int) ([]string, error) {
	o, p, err := n.plan(ctx, q)
	if err != nil {
		return nil, err
	}
	defer n.release()
	ctx, done := n.counting(ctx)
	defer done()
	s := smallest{limit: limit, seen: map[string]struct{}{}}
	tag := tagFields[field]
	whole := field != "MESSAGE" && !logdriver.IsMark(field) || !o.pieces() // what entries show is what the index has
	if p.plain() && tag == "" && field != "STREAM" && whole {
		o.j.Values(field, func(value []byte) bool {
			s.add(value)
			return ctx.Err() == nil
		})
		return s.values(), n.unfinished(ctx, ctx.Err())
	}
	byIndex := false
	if tag == "" && field != "STREAM" && !logdriver.IsMark(field) && o.indexed(p) {
		if byIndex, err = s.valuesByIndex(ctx, o, p, field); err != nil {
			return s.values(), n.unfinished(ctx, err)
		}
	}
	err = o.each(ctx, p, byIndex, func(w *state, _ int64) bool {
		own := false
		for i := range w.fields {
			if w.fields[i].Name == field {
				own = true
				s.add(w.fields[i].Value)
			}
		}
		if v := w.of.Origin.Tag(tag); !own && tag != "" && v != "" {
			s.add([]byte(v))
		}
		return true
	})
	return s.values(), n.unfinished(ctx, err)
}

// smallest collects the smallest of many values, each once.
type smallest struct {
	limit int
	seen  map[string]struct{}
	most  string // no value beyond is wanted, if cut
	cut   bool
}

func (s *smallest) add(value []byte) {
	if _, ok := s.seen[string(value)]; ok || s.cut && string(value) > s.most {
		return
	}
	s.seen[string(value)] = struct{}{}
	if len(s.seen) > 2*s.limit+1000 {
		s.most, s.cut = s.values()[max(s.limit, 1)-1], true
		for v := range s.seen {
			if v > s.most {
				delete(s.seen, v)
			}
		}
	}
}

func (s *smallest) values() []string {
	all := make([]string, 0, len(s.seen))
	for v := range s.seen {
		all = append(all, v)
	}
	slices.Sort(all)
	return all[:min(max(s.limit, 0), len(all))]
}

// Histogram implements query.Logs.
func (n *Node) Histogram(ctx context.Context, q *query.LogQuery, step int64) ([]query.LogBucket, error) {
	if step <= 0 {
		return nil, query.ErrBadLogQuery
	}
	o, p, err := n.plan(ctx, q)
	if err != nil {
		return nil, err
	}
	defer n.release()
	ctx, done := n.counting(ctx)
	defer done()
	b := &buckets{step: step, all: map[int64]*query.LogBucket{}}
	byIndex := o.indexed(p)
	if byIndex {
		err = b.countByIndex(ctx, o, p)
	}
	if err == nil {
		err = o.each(ctx, p, byIndex, func(w *state, usec int64) bool { return b.add(usec, priorityOf(w.fields)) })
	}
	if b.full {
		return nil, query.ErrTooMany
	}
	return b.list(), n.unfinished(ctx, err)
}

// Sources implements query.LogResolver.
func (n *Node) Sources(ctx context.Context, q *query.LogQuery) ([]query.LogSource, error) {
	if err := n.checkAgents(q); err != nil {
		return nil, err
	}
	all, err := n.sources(ctx, q)
	if err == nil && unfound(q, all) && n.askEnded(ctx, askEveryFor(q)) {
		return n.sources(ctx, q)
	}
	return all, err
}

// unfound reports whether a selector of containers matches nothing.
func unfound(q *query.LogQuery, all []query.LogSource) bool {
	for k, selectors := range selectorsOf(q) {
		for _, s := range selectors {
			if kind(k) != units && !slices.ContainsFunc(all, func(l query.LogSource) bool {
				return l.Kind == query.LogSourceKinds[k] && l.Selector == s
			}) {
				return true
			}
		}
	}
	return false
}

func (n *Node) sources(ctx context.Context, q *query.LogQuery) ([]query.LogSource, error) {
	o, err := n.use()
	if err != nil {
		return nil, err
	}
	defer n.release()
	var scope scopeFilter
	if q.Scope != nil {
		scope = scopeFilter(q.Scope.Filter())
	}
	v := o.view()
	defer o.catalog.mu.Unlock()
	var all []query.LogSource
	for k, selectors := range selectorsOf(q) {
		for _, s := range selectors {
			f := v.find(kind(k), s)
			for _, name := range f.names[:min(len(f.names), maxSources)] {
				if ctx.Err() != nil {
					return nil, context.Cause(ctx)
				}
				if scope == nil || o.visible(v, kind(k), name, scope) {
					all = append(all, query.LogSource{Kind: query.LogSourceKinds[k], Selector: s, Name: name, Exact: f.exact})
				}
			}
		}
	}
	return all, nil
}
