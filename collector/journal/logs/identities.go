package logs

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/frame"
)

// Identity is what the collector knows of a container.
type Identity struct {
	Origin entry.Origin  // container_id is not empty
	Name   string        // of the container
	Labels []frame.Label // of its rows of metrics; they are shared, and nobody changes them
	// LogPath is the file that the runtime writes the container's output to, "" if it
	// writes none.
	LogPath string
	// LogUser is the user whose runtime named LogPath, 0 for root: a file of anybody else
	// is not read.
	LogUser uint32
}

func (i *Identity) id() string { return i.Origin.Tag("container_id") }

// maxEnded bounds how many containers that have ended are remembered.
const maxEnded = 10_000

// Identities holds the containers of this node, and those that have ended lately. It is
// safe for concurrent use.
type Identities struct {
	parse func(cgroup string) (id, name string)
	gen   atomic.Uint64
	looks atomic.Uint64 // how often Looked was called

	mu     sync.RWMutex
	byPath map[string]*Identity // of cgroups that are there
	byID   map[string]*known
	byName [units]map[string]map[*known]bool // by kind and name
	ended  []string                          // ids in the order of their end; one that came back is there in vain
}

type known struct {
	identity *Identity
	paths    []string // of its cgroups that are there
	ends     int      // how often it is in ended
}

// NewIdentities returns an empty set. parse returns the id and the name of the container
// whose cgroup a path is, by the path alone, or "" if it is none's.
func NewIdentities(parse func(cgroup string) (id, name string)) *Identities {
	s := &Identities{parse: parse, byPath: map[string]*Identity{}, byID: map[string]*known{}}
	for k := range s.byName {
		s.byName[k] = map[string]map[*known]bool{}
	}
	return s
}

// index makes a container known by its names, or no more.
func (s *Identities) index(k *known, is bool) {
	for kind := range units {
		k.identity.names(kind, func(name string) {
			all := s.byName[kind][name]
			switch {
			case is && all == nil:
				s.byName[kind][name] = map[*known]bool{k: true}
			case is:
				all[k] = true
			default:
				if delete(all, k); len(all) == 0 {
					delete(s.byName[kind], name)
				}
			}
		})
	}
}

// Came says whose cgroup a path is, as long as Went is not called.
func (s *Identities) Came(path string, i *Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.went(path)
	s.byPath[path] = i
	k := s.byID[i.id()]
	if k == nil {
		k = &known{}
		s.byID[i.id()] = k
	} else {
		s.index(k, false)
	}
	k.identity, k.paths = i, append(k.paths, path)
	s.index(k, true)
	s.gen.Add(1)
}

// Looked says that everything that is there was looked for, and that Came and Went were
// called for it.
func (s *Identities) Looked() { s.looks.Add(1) }

// Went says that a cgroup is gone. It does nothing for a path that is not known.
func (s *Identities) Went(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.went(path)
}

// Remember makes a container known that has no cgroup any more. Of one that is known already
// it adds the log file: it may have ended before its runtime was asked for it.
func (s *Identities) Remember(i *Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.byID[i.id()]; k != nil {
		if len(k.paths) == 0 && k.identity.LogPath == "" && i.LogPath != "" {
			s.index(k, false)
			k.identity = i
			s.index(k, true)
			s.gen.Add(1)
		}
		return
	}
	k := &known{identity: i}
	s.byID[i.id()] = k
	s.index(k, true)
	s.gen.Add(1)
	s.end(k)
}

// AllWent says that no cgroup is known any more: those that are there come again.
func (s *Identities) AllWent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for path := range s.byPath {
		s.went(path)
	}
}

func (s *Identities) went(path string) {
	i := s.byPath[path]
	if i == nil {
		return
	}
	delete(s.byPath, path)
	s.gen.Add(1)
	k := s.byID[i.id()]
	for n, p := range k.paths {
		if p == path {
			k.paths = append(k.paths[:n:n], k.paths[n+1:]...)
			break
		}
	}
	if len(k.paths) > 0 {
		return
	}
	s.end(k)
}

// end keeps a container that has no cgroup any more, as long as there is room.
func (s *Identities) end(k *known) {
	k.ends++
	s.ended = append(s.ended, k.identity.id())
	for len(s.ended) > maxEnded {
		id := s.ended[0]
		s.ended = s.ended[1:]
		if k := s.byID[id]; k != nil {
			if k.ends--; k.ends == 0 && len(k.paths) == 0 {
				s.index(k, false)
				delete(s.byID, id)
			}
		}
	}
}

// ofCgroup returns the container that a cgroup is of or lies in, nil if there is none.
func (s *Identities) ofCgroup(path string) *Identity {
	for p := path; len(p) > 1; p = p[:max(strings.LastIndexByte(p, '/'), 0)] {
		s.mu.RLock()
		i := s.byPath[p]
		s.mu.RUnlock()
		if i != nil {
			return i
		}
		id, name := s.parse(p)
		if id == "" {
			continue
		}
		if i, _ := s.ofContainer(id); i != nil {
			return i
		}
		return fallback(id, name)
	}
	return nil
}

// fallback is the identity of a container of which only its id and perhaps its name are
// known: they stand for the task, as in the labels of metrics.
func fallback(id, name string) *Identity {
	i := &Identity{Name: name}
	i.Origin.SetTag("container_id", id)
	i.Origin.SetTag("task_id", id)
	i.Origin.SetTag("task_name", name)
	return i
}

// ofContainer returns what is known of a container, nil if nothing is, and whether it has
// a cgroup now.
func (s *Identities) ofContainer(id string) (i *Identity, lives bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if k := s.byID[id]; k != nil {
		return k.identity, len(k.paths) > 0
	}
	return nil, false
}

// haveFiles reports whether the log of any container is in a file.
func (s *Identities) haveFiles() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, k := range s.byID {
		if k.identity.LogPath != "" {
			return true
		}
	}
	return false
}

// each calls fn with each container that is known, and the paths of its cgroups.
func (s *Identities) each(fn func(i *Identity, paths []string)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, k := range s.byID {
		fn(k.identity, k.paths)
	}
}

// named calls fn with each container that has a name of a kind.
func (s *Identities) named(k kind, name string, fn func(i *Identity, paths []string)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for found := range s.byName[k][name] {
		fn(found.identity, found.paths)
	}
}
