package fleet

import (
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// summary holds the identities of a tick, without values, for the list of agents and
// the search for containers.
type summary struct {
	boot, seq  uint64
	hostname   string
	rows       []*frame.Row // cgroups
	containers int
}

// summary returns the summary of an agent's newest tick, or, if that cannot be read, of
// the last tick that could.
func (f *Fleet) summary(n *node, newest frame.Header) summary {
	defer f.bound(n) // once n.mu is free
	n.mu.Lock()
	defer n.mu.Unlock()
	n.used = f.o.Now()
	if n.sum.boot == newest.Boot && n.sum.seq == newest.Seq {
		return n.sum
	}
	if n.cur != nil && n.cur.batch.Boot == newest.Boot && n.cur.batch.Seq == newest.Seq {
		n.sum = n.shown()
		return n.sum
	}
	begun := time.Now()
	host, groups, err := f.identities(n, &newest)
	f.took(begun, err)
	switch {
	case err == nil:
		n.sum = summarize(&newest, host, groups, &n.sum)
	case n.cur != nil && n.sum.boot != newest.Boot:
		n.sum = n.shown()
	}
	return n.sum
}

// shown returns the summary of the tick that was last decoded for View.
func (n *node) shown() summary {
	var host, groups []*frame.Row
	if t := n.cur.batch.Table(metric.Host); t != nil {
		host = t.Rows
	}
	if t := n.cur.batch.Table(metric.Container); t != nil {
		groups = append(groups, t.Rows...) // a copy, since the batch is reused
	}
	return summarize(&n.cur.batch.Header, host, groups, &n.sum)
}

// identityKinds are the kinds of rows that a summary is made from.
var identityKinds = [...]metric.Kind{metric.Host, metric.Container}

// identities holds the rows of a keyframe, by part and kind. Deltas refer to them.
type identities struct {
	boot, key uint64
	parts     [][len(identityKinds)]frame.Columns
}

// identities decodes the rows of the host and of the cgroups, without values.
func (f *Fleet) identities(n *node, h *frame.Header) (host, groups []*frame.Row, err error) {
	parts, keys, err := f.store.Tick(n.id, h.Boot, h.Seq)
	if err != nil {
		return nil, nil, err
	}
	dec := f.decoders.Get().(*frame.Decoder)
	defer f.decoders.Put(dec)
	if keys == nil {
		keys = parts
	}
	defer func() { f.cached.Add(n.weigh()) }()
	if err := n.readKey(dec, h, keys); err != nil {
		return nil, nil, err
	}
	var rows [len(identityKinds)][]*frame.Row
	var tick frame.Columns
	for i, part := range parts {
		for k, kind := range identityKinds {
			key := &n.ids.parts[i][k]
			if h.Keyframe() {
				rows[k] = append(rows[k], key.Rows...)
				continue
			}
			if err := dec.DecodeColumns(part, key, &tick, kind, nil); err != nil {
				return nil, nil, err
			}
			rows[k] = append(rows[k], tick.Rows...)
		}
	}
	return rows[0], rows[1], nil
}

// readKey sets n.ids to the rows of the keyframe that h refers to.
func (n *node) readKey(dec *frame.Decoder, h *frame.Header, keys [][]byte) error {
	if n.ids.boot == h.Boot && n.ids.key == h.Key && len(n.ids.parts) == len(keys) {
		return nil
	}
	n.ids = identities{}
	parts := make([][len(identityKinds)]frame.Columns, len(keys))
	for i := range keys {
		for k, kind := range identityKinds {
			c := &parts[i][k]
			if n.hasKey(h) { // decoded for View
				b := n.parts[i].Key()
				c.Header, c.Kind = b.Header, kind
				if t := b.Table(kind); t != nil {
					c.Rows = t.Rows
				}
			} else if err := dec.DecodeColumns(keys[i], nil, c, kind, nil); err != nil {
				return err
			}
		}
	}
	n.ids = identities{boot: h.Boot, key: h.Key, parts: parts}
	return nil
}

// summarize returns the summary of a tick. If its cgroups are those of before, it reuses
// before's slice and count.
func summarize(h *frame.Header, host, groups []*frame.Row, before *summary) summary {
	s := summary{boot: h.Boot, seq: h.Seq, rows: groups}
	if len(host) > 0 {
		s.hostname = host[0].Label("hostname")
	}
	if len(before.rows) == len(groups) && sameRows(before.rows, groups) {
		s.rows, s.containers = before.rows, before.containers
		return s
	}
	for _, r := range groups {
		if r.Label("container_id") != "" {
			s.containers++
		}
	}
	return s
}

func sameRows(a, b []*frame.Row) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
