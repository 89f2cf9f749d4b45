package containers

import (
	"maps"
	"slices"
)

// rank is the priority of a source, best first.
type rank int

const (
	rankCRI    rank = iota
	rankEngine      // docker and podman
	rankContainerd
	rankState // runc, crun and podman's files
	rankProc  // environment of the first process
	numRanks
)

// store holds the records of all sources. Its owner locks it.
type store struct {
	byKey  map[string]*[numRanks]*record
	byPath map[string]string // cgroup path → key
	byPod  map[string]*record
}

func newStore() store {
	return store{byKey: map[string]*[numRanks]*record{}, byPath: map[string]string{}, byPod: map[string]*record{}}
}

// key returns the same key for the records that several sources have of one container.
// Long ids are unique on the machine. Short ids are chosen by users and unique only
// within their space.
func key(id, space string) string {
	if isID(id) || space == "" {
		return id
	}
	return space + "\x00" + id
}

func (r *record) key() string { return key(r.id, r.space) }

// put replaces a source's record of a container.
func (s *store) put(k rank, r *record) {
	key := r.key()
	all := s.byKey[key]
	if all == nil {
		all = new([numRanks]*record)
		s.byKey[key] = all
	}
	s.forgetPaths(all[k], key)
	all[k] = r
	for _, p := range r.paths {
		s.byPath[p] = key
	}
	if uid := r.labels[podUIDKey]; uid != "" && (r.sandboxOnly || s.byPod[uid] == nil) {
		s.byPod[uid] = r
	}
}

// drop removes a source's record of a container and returns it, or nil if there was
// none.
func (s *store) drop(k rank, key string) *record {
	all := s.byKey[key]
	if all == nil || all[k] == nil {
		return nil
	}
	old := all[k]
	all[k] = nil
	s.forgetPaths(old, key)
	for _, r := range all { // another source may have the same paths
		if r != nil {
			for _, p := range r.paths {
				s.byPath[p] = key
			}
		}
	}
	if uid := old.labels[podUIDKey]; uid != "" && s.byPod[uid] == old {
		delete(s.byPod, uid)
		for _, all := range s.byKey {
			for _, r := range all {
				if r != nil && r.labels[podUIDKey] == uid {
					s.byPod[uid] = r
				}
			}
		}
	}
	if *all == ([numRanks]*record{}) {
		delete(s.byKey, key)
	}
	return old
}

func (s *store) forgetPaths(r *record, key string) {
	if r == nil {
		return
	}
	for _, p := range r.paths {
		if s.byPath[p] == key {
			delete(s.byPath, p)
		}
	}
}

// records returns the records of a container, best source first.
func (s *store) records(key string) []*record {
	all := s.byKey[key]
	if all == nil {
		return nil
	}
	var rs []*record
	for _, r := range all {
		if r != nil {
			rs = append(rs, r)
		}
	}
	return rs
}

// find looks up a cgroup by the path that runtimes reported, or else by the id in the
// path. It returns the container's key, the runtimes' records, best first, and the
// record of its first process.
func (s *store) find(path string, p place) (key string, recs []*record, own *record) {
	key, ok := s.byPath[path]
	if !ok {
		key = p.id
	}
	all := s.byKey[key]
	if all == nil {
		return key, nil, nil
	}
	own = all[rankProc]
	if recs = s.records(key); own != nil {
		recs = recs[:len(recs)-1]
	}
	return key, recs, own
}

// parent returns the id of the nearest container above a path.
func (s *store) parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '/' {
			if k, ok := s.byPath[path[:i]]; ok {
				if rs := s.records(k); len(rs) > 0 {
					return rs[0].id
				}
			}
		}
	}
	return ""
}

// sameRecord reports whether two records are equal in all that a row shows and that a
// lookup waits for.
func sameRecord(a, b *record) bool {
	return a != nil && b != nil && a.id == b.id && a.space == b.space && a.runtime == b.runtime &&
		a.name == b.name && a.image == b.image && a.imageID == b.imageID && a.logPath == b.logPath &&
		a.logUser == b.logUser && a.pid == b.pid &&
		a.started == b.started && a.sandboxOnly == b.sandboxOnly && a.runs == b.runs && slices.Equal(a.paths, b.paths) &&
		maps.Equal(a.labels, b.labels) && (a.env == nil) == (b.env == nil) && maps.Equal(a.env, b.env)
}
