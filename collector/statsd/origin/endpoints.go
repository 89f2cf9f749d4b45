package origin

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bpf"
)

// endpoint is the host and port that one container sends to.
type endpoint struct {
	launch.Container
	Netns    string `json:"netns,omitempty"`
	NetnsIno uint64 `json:"netns_inode,omitempty"` // inode of Netns, if its steering is attached
	origin   Origin
	json     []byte // this endpoint in JSON, cached because it never changes
}

// ErrExists means that the container already has an endpoint with another port than
// requested.
var ErrExists = errors.New("the container has an endpoint already, on another port")

// Add gives a container an endpoint. If it has one already, Add returns that.
func (t *Table) Add(r launch.Request) (launch.Container, error) {
	if err := r.Check(); err != nil {
		return launch.Container{}, err
	}
	if got, err := t.given(r); err != nil || got != nil {
		return got.container(), err
	}
	var ns *os.File
	if r.Netns != "" {
		var err error
		if ns, err = t.openNetns(r.Netns); err != nil {
			return launch.Container{}, err
		}
		defer ns.Close()
	}
	e, err := t.give(r, ns)
	if err != nil {
		return launch.Container{}, err
	}
	if err := t.save(); err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.endpoints[r.ContainerID] == e {
			t.shut(e)
		}
		return launch.Container{}, err
	}
	t.change()
	return e.Container, nil
}

// given returns the endpoint of a container, or nil if it has none.
func (t *Table) given(r launch.Request) (*endpoint, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.find(r)
}

// find is given for callers that hold t.mu.
func (t *Table) find(r launch.Request) (*endpoint, error) {
	if t.refused != nil {
		return nil, t.refused
	}
	if !t.loaded {
		return nil, errLoading
	}
	e := t.endpoints[r.ContainerID]
	if e != nil && r.StatsdPort != 0 && r.StatsdPort != e.StatsdPort {
		return nil, fmt.Errorf("%w, %d", ErrExists, e.StatsdPort)
	}
	return e, nil
}

var errLoading = errors.New("the endpoints of before are not served yet: try again in a second")

// give opens an endpoint. If ns is not nil, the endpoint also receives in that network
// namespace. A concurrent request may have opened it first; then give returns that one.
func (t *Table) give(r launch.Request, ns *os.File) (*endpoint, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, err := t.find(r); err != nil || e != nil {
		return e, err
	}
	e := &endpoint{Netns: r.Netns, Container: launch.Container{ContainerID: r.ContainerID, StatsdPort: r.StatsdPort,
		Name: r.Name, Labels: r.Labels, Cgroup: r.Cgroup}}
	if err := t.open(e); err != nil {
		return nil, err
	}
	if ns != nil {
		var err error
		if e.NetnsIno, err = t.join(ns); err != nil {
			t.shut(e)
			return nil, err
		}
	}
	return e, nil
}

func (e *endpoint) container() launch.Container {
	if e == nil {
		return launch.Container{}
	}
	return e.Container
}

// open serves an endpoint and adds it to the index.
func (t *Table) open(e *endpoint) error {
	x := t.index.Load().clone()
	if err := t.openIn(x, e); err != nil {
		return err
	}
	t.installIndex(x, e.Cgroup != "")
	return nil
}

// installIndex publishes an index with new endpoints to readers. If the endpoints have
// cgroups, it also assigns the cgroups below to them.
func (t *Table) installIndex(x *index, cgroups bool) {
	if cgroups {
		t.replace(x)
	} else {
		t.index.Store(x)
	}
}

// openIn is open with an index that is not published yet.
func (t *Table) openIn(x *index, e *endpoint) error {
	if t.closed {
		return errors.New("the collector is about to end")
	}
	port, err := t.openPort(e.StatsdPort)
	if err != nil {
		return err
	}
	o := x.byID[e.ContainerID]
	if o == 0 && e.Cgroup != "" {
		if o = x.byPath[e.Cgroup]; o != 0 && t.infos[o].ContainerID != "" {
			o = 0
		}
	}
	if o == 0 {
		if o = t.number(Info{}); o == 0 {
			t.closePort(port)
			return errors.New("too many senders are known")
		}
	}
	if t.infos[o].Claimed {
		t.claims--
	}
	t.infos[o] = Info{ContainerID: e.ContainerID, Cgroup: e.Cgroup, Name: e.Name, Labels: e.Labels}
	x.byID[e.ContainerID] = o
	if e.Cgroup != "" {
		x.byPath[e.Cgroup] = o
		for h := range t.trees {
			if id, ok := t.trees[h].inode(e.Cgroup); ok {
				t.cgroups[cgroupKey(bpf.Hierarchy(h), id)] = o
			}
		}
	}
	e.origin, e.StatsdHost, e.StatsdPort = o, t.c.Host.String(), port
	t.endpoints[e.ContainerID], t.byPort[port] = e, e
	t.ports[port].Store(uint32(o))
	return nil
}

// shut undoes open. The origin stays until it is released.
func (t *Table) shut(e *endpoint) {
	if err := t.closePort(e.StatsdPort); err != nil {
		t.c.Log.Warn("an endpoint could not be closed", "container_id", e.ContainerID, "err", err)
	}
	delete(t.endpoints, e.ContainerID)
	delete(t.byPort, e.StatsdPort)
	if e.NetnsIno != 0 {
		t.leave(e.NetnsIno)
	}
	t.change()
}

// Remove removes a container's endpoint. It reports whether there was one.
func (t *Table) Remove(id string) (bool, error) {
	t.mu.Lock()
	e := t.endpoints[id]
	if e != nil {
		t.shut(e)
	}
	t.mu.Unlock()
	if e == nil {
		return false, nil
	}
	return true, t.save()
}

// Sweep removes the endpoints whose cgroups are gone. If the ports belonged to another
// collector, Sweep tries again to claim them.
func (t *Table) Sweep() error {
	if t.Refused() != nil {
		return t.serveAll()
	}
	t.mu.Lock()
	if !t.loaded {
		t.mu.Unlock()
		return t.serveKept()
	}
	n := len(t.endpoints)
	for _, e := range t.endpoints {
		if e.Cgroup != "" && !t.exists(e.Cgroup) {
			t.shut(e)
		}
	}
	same := len(t.endpoints) == n && !t.unsaved
	t.mu.Unlock()
	if same {
		return nil
	}
	return t.save()
}

// exists reports whether a cgroup exists in any hierarchy.
func (t *Table) exists(cgroup string) bool {
	for h := range t.trees {
		if _, ok := t.trees[h].inode(cgroup); ok {
			return true
		}
	}
	return false
}

// Endpoint returns the endpoint of one container. ok is false if it has none.
func (t *Table) Endpoint(id string) (launch.Container, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.endpoints[id]; e != nil {
		return e.Container, true
	}
	return launch.Container{}, false
}

// Endpoints returns all endpoints, by container id.
func (t *Table) Endpoints() []launch.Container {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]launch.Container, 0, len(t.endpoints))
	for _, e := range t.endpoints {
		all = append(all, e.Container)
	}
	slices.SortFunc(all, func(a, b launch.Container) int { return strings.Compare(a.ContainerID, b.ContainerID) })
	return all
}
