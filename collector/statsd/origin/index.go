package origin

import (
	"maps"
	"path"
)

// index holds the maps for looking up senders. An index is never changed, only replaced,
// so readers need no lock.
type index struct {
	byID     map[string]Origin // containers, including those known only from lines
	byPath   map[string]Origin // cgroups
	byPod    map[podKey]Origin // also under an empty name if it is the pod's only container
	pods     map[string]string // cgroups of pods that have several containers, by uid
	byCgroup map[uint64]Origin // cache by cgroupKey; 0: not found
	inodes   *inodes
}

// podKey is how the field e names a container.
type podKey struct{ uid, container string }

// maxCgroups limits the size of byCgroup.
const maxCgroups = 1 << 14

func newIndex() *index {
	return &index{map[string]Origin{}, map[string]Origin{}, map[podKey]Origin{},
		map[string]string{}, map[uint64]Origin{}, &inodes{}}
}

func (x *index) without(gone map[Origin]bool) *index {
	y := x.clone()
	maps.DeleteFunc(y.byID, func(_ string, p Origin) bool { return gone[p] })
	maps.DeleteFunc(y.byPath, func(_ string, p Origin) bool { return gone[p] })
	maps.DeleteFunc(y.byCgroup, func(_ uint64, p Origin) bool { return gone[p] })
	return y
}

// clone copies the maps to which entries are added. Containers replaces the other ones
// entirely.
func (x *index) clone() *index {
	y := *x
	y.byID, y.byPath, y.byCgroup = maps.Clone(x.byID), maps.Clone(x.byPath), maps.Clone(x.byCgroup)
	return &y
}

// Container is a container that runs on this node.
type Container struct {
	ID      string
	Cgroups []string // paths from the root of their hierarchies: one, or on cgroup v1 several if they differ
	PodUID  string   // Kubernetes
	Name    string   // Kubernetes: name of the container in its pod
	PID     int      // of its first process; 0 if unknown
	Made    uint64   // increases when a cgroup was replaced by another one at the same path; 0 = unknown
}

// Containers sets the list of containers on this node. If only a container's cgroup was
// known before, its origin becomes the container's. The table retains the Cgroups
// slices.
func (t *Table) Containers(list []Container) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.index.Load()
	x := newIndex()
	x.byID, x.byPath = maps.Clone(old.byID), maps.Clone(old.byPath)
	x.inodes.of = make([]placed, 0, len(list))
	for i := range t.infos {
		t.infos[i].here = false
	}
	t.running = make(map[string]running, len(list))
	defer t.change()
	for i := range list {
		c := &list[i]
		t.running[c.ID] = running{c.PID, c.Cgroups}
		o := x.byID[c.ID]
		for _, p := range c.Cgroups {
			// The cgroup's origin becomes the container's, unless the container has one
			// already.
			if have := x.byPath[p]; have != 0 && o == 0 && t.infos[have].ContainerID == "" {
				o = have
			}
		}
		if o == 0 {
			if o = t.number(Info{}); o == 0 {
				continue
			}
		}
		info := &t.infos[o]
		if info.Claimed {
			t.claims--
		}
		info.ContainerID, info.Claimed, info.here, info.idle = c.ID, false, true, false
		if len(c.Cgroups) > 0 {
			info.Cgroup = c.Cgroups[0]
		}
		x.byID[c.ID] = o
		x.inodes.of = append(x.inodes.of, placed{origin: o, made: c.Made, cgroups: c.Cgroups})
		for _, p := range c.Cgroups {
			x.byPath[p] = o
		}
		if c.PodUID != "" {
			x.pod(c, o)
		}
	}
	for _, e := range t.endpoints {
		x.byID[e.ContainerID] = e.origin
		if e.Cgroup != "" {
			x.byPath[e.Cgroup] = e.origin
		}
	}
	t.replace(x)
}

// sandbox is the container name in Kubernetes of the container that only holds a pod's
// namespaces.
const sandbox = "POD"

// pod makes a pod known by its uid alone: as its container if it has only one, or else
// as the cgroup above its containers.
func (x *index) pod(c *Container, o Origin) {
	whole := podKey{uid: c.PodUID}
	if c.Name != "" {
		x.byPod[podKey{c.PodUID, c.Name}] = o
	}
	switch {
	case c.Name == sandbox || len(c.Cgroups) == 0:
	case x.pods[c.PodUID] == "":
		x.pods[c.PodUID], x.byPod[whole] = path.Dir(c.Cgroups[0]), o
	case x.byPod[whole] != o:
		delete(x.byPod, whole)
	}
}

// replace publishes an index with new containers. It assigns the cgroups below theirs,
// which may have origins of their own, to the containers.
func (t *Table) replace(x *index) {
	clear(x.byCgroup)
	for p, o := range x.byPath {
		if t.infos[o].ContainerID != "" {
			continue
		}
		for up := path.Dir(p); len(up) > 1; up = path.Dir(up) {
			if a := x.byPath[up]; a != 0 && t.infos[a].ContainerID != "" {
				delete(x.byPath, p)
				break
			}
		}
	}
	t.index.Store(x)
	for i := range t.pids {
		t.pids[i].Store(0)
	}
}

// byPath returns the origin of a cgroup: that of the nearest container at or above it,
// or else its own. It returns 0 for the root, as processes there are in no cgroup.
func (t *Table) byPath(x *index, cgroup string) Origin {
	if cgroup == "/" || cgroup == "" {
		return 0
	}
	for p := cgroup; p != "/" && p != "."; p = path.Dir(p) {
		if o := x.byPath[p]; o != 0 && (p == cgroup || t.infos[o].ContainerID != "") {
			return o
		}
	}
	o := t.number(Info{Cgroup: cgroup})
	if o != 0 {
		x.byPath[cgroup] = o
	}
	return o
}
