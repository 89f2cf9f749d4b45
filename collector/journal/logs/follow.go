package logs

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

const (
	lifeSign    = 10 * time.Second // a reader that waits returns something at least that often
	lookAgain   = time.Second      // how often selectors that may match more are looked at
	endAfter    = time.Second      // how long a container is gone when its entries count as complete
	existsSteps = 1000
	onItsWay    = time.Second // from the time of an entry until it is in a file
)

// follow waits for entries. It returns nil if there may be some, or a record or an error
// for whoever called Next.
func (r *reader) follow(ctx context.Context) (*entry.Record, error) {
	now := time.Now()
	paused := r.w.status().paused
	if !r.reached && !paused {
		r.reached = true
		r.came(now)
		if r.left > 0 {
			r.left = -1 // Limit bounds what there was
		}
		p := r.w.status().p
		if p.selects && !r.sent && !p.waits && len(p.files) == 0 && !r.o.exists(p) {
			r.wait()
			return nil, nil
		}
	}
	switch over := !paused && r.ended(now); {
	case !over:
	case r.sent || r.asked || r.q.Cursor != "":
		r.over = true
		text := "what is followed has ended, and all its entries were read"
		if p := r.w.status().p; !r.sent && r.asked && r.q.Cursor == "" && len(p.files) == 0 && !r.o.exists(p) {
			r.events = append(r.events, r.o.node.event(entry.Unreadable, "", 0,
				"no log of it was found: what it may have written was deleted with it, or was not logged"))
			text = "what is followed has ended"
		}
		r.events = append(r.events, r.o.node.event(entry.Ended, "", 0, text))
		return nil, nil
	case r.gone.IsZero():
		r.gone = now // its runtime may not know that yet
	case r.o.node.askEndedSince(ctx, r.gone.Add(lookAgain/2)):
		r.asked = true
		return nil, r.replan(true)
	}
	if now.Sub(r.alive) >= lifeSign {
		return &entry.Record{}, nil
	}
	pause := min(lifeSign-now.Sub(r.alive), lookAgain)
	wait, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	defer context.AfterFunc(r.done, cancel)()
	switch err := r.w.wait(wait); {
	case err == nil:
		r.came(time.Now())
	case r.done.Err() != nil:
		return nil, io.EOF
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, r.replan(false)
}

// came notes that something came.
func (r *reader) came(now time.Time) { r.quiet, r.looks = now, r.o.node.o.Identities.looks.Load() }

// replan takes in what selectors match by now, and the log files of containers that came: a
// second after it did so before, or now.
func (r *reader) replan(now bool) error {
	before, gen := r.w.status().p, r.o.node.o.Identities.gen.Load()
	if !now && time.Since(r.planned) < lookAgain || !before.selects && gen == r.gen {
		return nil
	}
	since, lateSince := int64(0), r.planned.Add(-lateFor).UnixMicro()
	if r.q.Tail || r.q.Cursor != "" { // nothing of before is wanted, but for what was on its way then
		since = r.began.Add(-onItsWay).UnixMicro()
		lateSince = max(lateSince, since)
	}
	if now && r.q.Tail && r.q.Limit > 0 {
		since = 0 // the container was started for this query, and has ended
	}
	r.planned, r.gen = time.Now(), gen
	p, err := r.o.newPlan(&r.q)
	if err == nil {
		r.events = append(r.events, r.o.node.heldEvents(p.held, r.told)...)
	}
	if err != nil || p.key == before.key {
		return nil // a name that was unique is no more, or the last entries went: what was found counts
	}
	m, ok := r.w.(*merged)
	if !ok {
		k := newKid(r.w, "")
		m = &merged{kids: []*kid{k}, last: r.rec.Realtime, dir: forward, from: r.began.UnixMicro()}
		if r.sent {
			k.place.text, k.place.time = k.appendPlace(nil), k.realtime()
		}
	}
	r.w = m
	m.extend(r.o, before, p, since, lateSince)
	return nil
}

// extend goes on with another plan: what was read goes on where it was, and what came is
// read from a time on, in the journal from lateSince. The journal is the first kid. It must be
// at the end of all kids.
func (m *merged) extend(o *opened, before, p *plan, since, lateSince int64) {
	old := map[string]*kid{}
	for _, k := range m.kids[1:] {
		old[k.key] = k
	}
	journal := m.kids[0]
	if before.match.String() != p.match.String() {
		journal.source = o.goOn(journal.source.(*joined), p, since, lateSince)
	}
	m.kids = []*kid{journal}
	for _, i := range p.files[:min(len(p.files), maxLogFiles)] {
		k := old[i.id()]
		if delete(old, i.id()); k == nil {
			k = newKid(o.file(p, i), i.id())
			k.seekTime(since)
		}
		m.kids = append(m.kids, k)
	}
	for _, k := range old {
		k.close()
	}
	for _, k := range m.kids {
		k.ended = false
		k.status().p = p
	}
	m.none.p, m.cur = p, nil
}

// ended reports whether all containers that are followed have ended a while ago.
func (r *reader) ended(now time.Time) bool {
	if now.Sub(r.quiet) < endAfter {
		return false
	}
	any := false
	for _, k := range []kind{containers, tasks} {
		selectors := selectorsOf(&r.q)[k]
		if len(selectors) == 0 {
			continue
		}
		if hasGlob(selectors) || len(r.w.status().p.names[k]) == 0 {
			return false
		}
		for name := range r.w.status().p.names[k] {
			known, lives := false, false
			r.o.node.o.Identities.named(k, name, func(_ *Identity, paths []string) {
				known, lives = true, lives || len(paths) > 0
			})
			if lives || !known && !(r.ofDriver(k, name) && r.o.node.o.Identities.looks.Load() >= r.looks+2) {
				return false
			}
			any = true
		}
	}
	return any
}

// ofDriver reports whether only journald drivers of runtimes write a name, so that a container
// has it: one that no cgroup was found of has ended.
func (r *reader) ofDriver(k kind, name string) bool {
	v := r.o.view()
	defer v.catalog.mu.Unlock()
	fields := v.catalog.names[k][name]
	return len(fields) > 0 && !slices.ContainsFunc(fields, func(f string) bool {
		return f != "CONTAINER_ID_FULL" && f != "CONTAINER_NAME"
	})
}

// exists reports whether what the selectors of a plan match has entries.
func (o *opened) exists(p *plan) bool {
	only := &plan{match: p.match, names: p.names, until: 1<<63 - 1, scope: p.scope}
	w := o.walk(only)
	defer w.close()
	w.r.SeekTail()
	for range existsSteps {
		if !w.r.Previous() {
			return false
		}
		if w.look() && w.wanted {
			return true
		}
	}
	return true // there is much, at least
}

// visible reports whether a name has entries that a scope allows. It unlocks the view while
// it reads them.
func (o *opened) visible(v *view, k kind, name string, scope scopeFilter) bool {
	p := &plan{until: 1<<63 - 1, scope: scope}
	p.names[k] = map[string]bool{name: true}
	p.match = v.namesMatch(k, p.names[k])
	found := false
	if v.apart(func() { found = o.exists(p) }); found || k == units {
		return found
	}
	// It may have none yet.
	o.node.o.Identities.named(k, name, func(i *Identity, _ []string) {
		c := *i
		c.Origin.SetTag("agent_id", o.node.o.Agent)
		found = found || scope.allows(&c)
	})
	return found
}
