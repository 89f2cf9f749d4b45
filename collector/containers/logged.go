package containers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// LoggedContainer is a container whose log is in files.
type LoggedContainer struct {
	*Identity
	Runs bool // false: it has ended, or was not started
}

// maxEnded bounds how many containers that have ended are asked for, a runtime.
const maxEnded = 10_000

// Logged returns the containers whose log is in files, also those that have ended, for as
// long as their runtime keeps them: they are in the order of their ids. It asks Docker's
// and Podman's daemons, for askTimeout each at most, and returns what they do not answer
// as errors, beside what is known.
func (r *Resolver) Logged(ctx context.Context) (all []LoggedContainer, errs []error) {
	ended := map[string]*record{}
	for _, s := range r.sources {
		e, ok := s.(*engine)
		if !ok || !e.status().Connected {
			continue
		}
		if err := e.ended(ctx, ended); err != nil {
			errs = append(errs, fmt.Errorf("containers of %s that have ended cannot be listed: %w", e.kind, err))
		}
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for key := range r.store.byKey {
		all = r.logged(all, r.store.records(key))
	}
	for id, rec := range ended {
		if r.store.byKey[id] == nil {
			all = r.logged(all, []*record{rec})
		}
	}
	slices.SortFunc(all, func(a, b LoggedContainer) int { return strings.Compare(a.ContainerID, b.ContainerID) })
	return all, errs
}

// logged adds a container if its log is in files. mu is held.
func (r *Resolver) logged(all []LoggedContainer, recs []*record) []LoggedContainer {
	if !slices.ContainsFunc(recs, func(rec *record) bool { return rec.logPath != "" }) {
		return all
	}
	p := place{id: recs[0].id}
	var sandbox *record
	for _, rec := range recs {
		if uid := rec.labels[podUIDKey]; uid != "" {
			p.podUID, sandbox = uid, r.store.byPod[uid]
		}
	}
	id := compose(p, recs, nil, "", sandbox)
	runs := slices.ContainsFunc(recs, func(rec *record) bool { return rec.pid > 0 || rec.runs })
	return append(all, LoggedContainer{id, runs})
}

// ended adds the records of the containers that the daemon has, and that do not run.
func (e *engine) ended(ctx context.Context, recs map[string]*record) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	runtime, err := e.ping(ctx)
	if err != nil {
		return err
	}
	var ids []string
	path := "/containers/json?all=true&filters=" + url.QueryEscape(`{"status":["created","exited"]}`)
	err = e.getJSON(ctx, path, func(d *json.Decoder) error {
		if _, err := d.Token(); err != nil { // [
			return err
		}
		for d.More() && len(ids) < maxEnded {
			var c struct{ ID string }
			if err := d.Decode(&c); err != nil {
				return err
			}
			ids = append(ids, c.ID)
		}
		return nil
	})
	for _, id := range ids {
		rec, err := e.inspect(ctx, runtime, id)
		if err != nil {
			return err
		}
		if rec != nil {
			recs[id] = rec
		}
	}
	return err
}
