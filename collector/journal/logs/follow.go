package logs

import (
	"context"
	"io"
	"time"

	"github.com/daytwo/daytwo/api/entry"
)

const (
	lifeSign    = 10 * time.Second // a reader that waits returns something at least that often
	lookAgain   = time.Second      // how often selectors that may match more are looked at
	endAfter    = time.Second      // how long a container is gone when its entries count as complete
	existsSteps = 1000
)

// follow waits for entries. It returns nil if there may be some, or a record or an error
// for whoever called Next.
func (r *reader) follow(ctx context.Context) (*entry.Record, error) {
	now := time.Now()
	if !r.reached {
		r.reached, r.quiet = true, now
		if r.left > 0 {
			r.left = -1 // Limit bounds what there was
		}
		p := r.w.status().p
		if p.selects && !r.sent && !p.waits && len(p.files) == 0 && !r.o.exists(p) {
			r.wait()
			return nil, nil
		}
	}
	if r.ended(now) {
		r.over = true
		r.events = append(r.events, r.o.node.event(entry.Ended, "", 0,
			"what is followed has ended, and all its entries were read"))
		return nil, nil
	}
	if now.Sub(r.alive) >= lifeSign {
		return &entry.Record{}, nil
	}
	pause := lifeSign - now.Sub(r.alive)
	if r.w.status().p.selects {
		pause = min(pause, lookAgain)
	}
	wait, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	defer context.AfterFunc(r.done, cancel)()
	switch err := r.w.wait(wait); {
	case err == nil:
		r.quiet = time.Now()
	case r.done.Err() != nil:
		return nil, io.EOF
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, r.replan()
}

// replan takes in what selectors match by now.
func (r *reader) replan() error {
	before := r.w.status().p
	if !before.selects || time.Since(r.planned) < lookAgain {
		return nil
	}
	r.planned = time.Now()
	p, err := r.o.newPlan(&r.q)
	if err != nil || p.key == before.key {
		return nil // a name that was unique is no more, or the last entries went: what was found counts
	}
	w := r.o.source(p)
	if r.sent {
		if _, err := w.seekCursor(string(r.cursor), true); err != nil {
			w.close()
			return err
		}
	} else {
		w.seekTime(r.began.UnixMicro())
	}
	r.swap(w)
	return nil
}

// swap goes on with another source.
func (r *reader) swap(w source) {
	r.w.close()
	r.w = w
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
			if !known || lives {
				return false
			}
			any = true
		}
	}
	return any
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

// visible reports whether a name has entries that a scope allows.
func (o *opened) visible(v *view, k kind, name string, scope func(*entry.Origin) bool) bool {
	p := &plan{until: 1<<63 - 1, scope: scope}
	p.names[k] = map[string]bool{name: true}
	p.match = v.namesMatch(k, p.names[k])
	if o.exists(p) {
		return true
	}
	if k == units {
		return false
	}
	found := false // it may have none yet
	o.node.o.Identities.named(k, name, func(i *Identity, _ []string) {
		c := *i
		c.Origin.SetTag("agent_id", o.node.o.Agent)
		found = found || scope(&c.Origin)
	})
	return found
}
