package containers

import (
	"slices"
	"strings"
)

// answer composes the identity of a path. The caller holds r.mu.
func (r *Resolver) answer(path string, e *entry) *Identity {
	_, recs, own := r.store.find(path, e.place)
	uid := e.place.podUID
	for i := 0; uid == "" && i < len(recs); i++ {
		uid = recs[i].labels[podUIDKey]
	}
	return compose(e.place, recs, own, r.store.parent(path), r.store.byPod[uid])
}

// put stores a record of a source and updates the identities that it changes.
func (r *Resolver) put(k rank, rec *record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var old *record
	if all := r.store.byKey[rec.key()]; all != nil {
		old = all[k]
	}
	if sameRecord(old, rec) {
		return
	}
	r.store.put(k, rec)
	r.renew(append(r.store.records(rec.key()), old))
}

// drop removes a record of a source.
func (r *Resolver) drop(k rank, key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.store.drop(k, key); old != nil {
		r.renew(append(r.store.records(key), old))
	}
}

// dropUnlisted drops the records of a source that the source no longer lists.
func (r *Resolver) dropUnlisted(k rank, mine func(*record) bool, listed map[string]bool) {
	r.mu.RLock()
	var gone []string
	for key, all := range r.store.byKey {
		if all[k] != nil && mine(all[k]) && !listed[key] {
			gone = append(gone, key)
		}
	}
	r.mu.RUnlock()
	for _, key := range gone {
		r.drop(k, key)
	}
}

// renew composes again the identities that depend on the changed records: that of the
// container's cgroup, those of its pod, and those of cgroups below it if its path does
// not contain the id. The caller holds r.mu.
func (r *Resolver) renew(changed []*record) {
	for _, rec := range changed {
		if rec == nil {
			continue
		}
		for _, path := range r.byID[rec.id] {
			r.renewPath(path)
		}
		for _, path := range r.byPod[rec.labels[podUIDKey]] {
			r.renewPath(path)
		}
		for _, own := range rec.paths {
			r.renewPath(own)
			if parsePath(own).id == rec.id {
				continue // the paths below contain the id and are in byID
			}
			for path := range r.entries {
				if len(path) > len(own) && path[len(own)] == '/' && strings.HasPrefix(path, own) {
					r.renewPath(path)
				}
			}
		}
	}
}

func (r *Resolver) renewPath(path string) {
	e := r.entries[path]
	if e == nil {
		return
	}
	id := r.answer(path, e)
	if id.PID == e.id.PID && id.Started == e.id.Started && slices.Equal(id.Labels, e.id.Labels) {
		return
	}
	r.entries[path] = &entry{id: id, place: e.place}
	r.gen.Add(1)
}

func addTo(index map[string][]string, key, path string) {
	if key != "" {
		index[key] = append(index[key], path)
	}
}

func removeFrom(index map[string][]string, key, path string) {
	left := slices.DeleteFunc(index[key], func(p string) bool { return p == path })
	if len(left) == 0 {
		delete(index, key)
	} else {
		index[key] = left
	}
}
