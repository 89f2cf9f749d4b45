package origin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/launch"
)

// endpoint is a container's host and port.
type endpoint struct {
	launch.Container
	Netns    string `json:"netns,omitempty"`
	NetnsIno uint64 `json:"netns_inode,omitempty"` // of Netns, if that is joined
	origin   Origin
	json     []byte // itself, once written: it never changes
}

// maxFile bounds the file of endpoints that is read.
const maxFile = 256 << 20

// ErrExists says that a container has an endpoint, on another port than is asked for.
var ErrExists = errors.New("the container has an endpoint already, on another port")

// Add gives a container an endpoint; one that has one gets the same again.
func (t *Table) Add(r launch.Request) (launch.Container, error) {
	if err := r.Check(); err != nil {
		return launch.Container{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused != nil {
		return launch.Container{}, t.refused
	}
	e := t.endpoints[r.ContainerID]
	if e != nil {
		if r.StatsdPort != 0 && r.StatsdPort != e.StatsdPort {
			return launch.Container{}, fmt.Errorf("%w, %d", ErrExists, e.StatsdPort)
		}
		return e.Container, nil
	}
	e = &endpoint{Netns: r.Netns, Container: launch.Container{ContainerID: r.ContainerID, StatsdPort: r.StatsdPort, Name: r.Name, Labels: r.Labels, Cgroup: r.Cgroup}}
	if err := t.open(e); err != nil {
		return launch.Container{}, err
	}
	err := error(nil)
	if e.Netns != "" {
		e.NetnsIno, err = t.joinFile(e.Netns, 0)
	}
	if err == nil {
		err = t.save()
	}
	if err != nil {
		t.shut(e)
		return launch.Container{}, err
	}
	t.change()
	return e.Container, nil
}

// open serves an endpoint and makes it known.
func (t *Table) open(e *endpoint) error {
	x := t.index.Load().clone()
	if err := t.openIn(x, e); err != nil {
		return err
	}
	t.use(x, e.Cgroup != "")
	return nil
}

// use makes an index with new endpoints the one that is used; if they have cgroups,
// those below are theirs now.
func (t *Table) use(x *index, cgroups bool) {
	if cgroups {
		t.replace(x)
	} else {
		t.index.Store(x)
	}
}

// openIn is open with an index that nobody else has yet.
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
	}
	e.origin, e.StatsdHost, e.StatsdPort = o, t.c.Host.String(), port
	t.endpoints[e.ContainerID], t.byPort[port] = e, e
	t.ports[port].Store(uint32(o))
	return nil
}

// shut undoes open. Its origin stays until it is released.
func (t *Table) shut(e *endpoint) {
	if err := t.closePort(e.StatsdPort); err != nil {
		t.c.Log.Warn("close an endpoint", "container_id", e.ContainerID, "error", err)
	}
	delete(t.endpoints, e.ContainerID)
	delete(t.byPort, e.StatsdPort)
	if e.NetnsIno != 0 {
		t.leave(e.NetnsIno)
	}
	t.change()
}

// Remove takes a container's endpoint back, and tells whether it had one.
func (t *Table) Remove(id string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.endpoints[id]
	if e == nil {
		return false, nil
	}
	t.shut(e)
	return true, t.save()
}

// Sweep takes back the endpoints whose cgroups are gone. If ports were another
// collector's, it looks whether they still are.
func (t *Table) Sweep() error {
	if t.Refused() != nil {
		return t.serveAll()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.endpoints)
	for _, e := range t.endpoints {
		if e.Cgroup != "" && !t.exists(e.Cgroup) {
			t.shut(e)
		}
	}
	if len(t.endpoints) == n {
		return nil
	}
	return t.save()
}

// exists tells whether a cgroup is there in any hierarchy.
func (t *Table) exists(cgroup string) bool {
	for h := range t.trees {
		if _, ok := t.trees[h].inode(cgroup); ok {
			return true
		}
	}
	return false
}

// Endpoint is that of one container.
func (t *Table) Endpoint(id string) (launch.Container, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.endpoints[id]; e != nil {
		return e.Container, true
	}
	return launch.Container{}, false
}

// Endpoints are all, by container id.
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

// save writes the endpoints: a reader, or a crash, finds the file before or after.
func (t *Table) save() error {
	if t.c.File == "" {
		return nil
	}
	b := []byte{'['}
	for _, e := range t.endpoints {
		if e.json == nil {
			var err error
			if e.json, err = json.Marshal(e); err != nil {
				return err
			}
		}
		if len(b) > 1 {
			b = append(b, ",\n"...)
		}
		b = append(b, e.json...)
	}
	b = append(b, ']')
	f, err := os.CreateTemp(filepath.Dir(t.c.File), ".endpoints")
	if err != nil {
		return fmt.Errorf("keep endpoints: %w", err)
	}
	defer os.Remove(f.Name())
	// No fsync: what it would guard against, a crash of the machine, ends the
	// containers too.
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), t.c.File)
	}
	if err != nil {
		return fmt.Errorf("keep endpoints: %w", err)
	}
	return nil
}

// load opens the endpoints that were handed out before, and leaves out those
// whose cgroups are gone. t.mu is held.
func (t *Table) load() error {
	if t.c.File != "" {
		list, err := readEndpoints(t.c.File)
		if err != nil {
			return err
		}
		x, cgroups := t.index.Load().clone(), false
		for _, e := range list {
			if e.Cgroup != "" && !t.exists(e.Cgroup) || t.endpoints[e.ContainerID] != nil {
				continue
			}
			if err := t.openIn(x, e); err != nil {
				t.c.Log.Error("an endpoint is lost", "container_id", e.ContainerID, "port", e.StatsdPort, "error", err)
				continue
			}
			cgroups = cgroups || e.Cgroup != ""
			if e.Netns != "" {
				if e.NetnsIno, err = t.joinFile(e.Netns, e.NetnsIno); err != nil {
					e.Netns, e.json = "", nil // served like one that its launcher did not name
					t.c.Log.Warn("a container's network namespace is not served", "container_id", e.ContainerID, "error", err)
				}
			}
		}
		t.use(x, cgroups)
		if len(t.endpoints) != len(list) {
			if err := t.save(); err != nil {
				return err
			}
		}
	}
	// Only now: the steering of the process before has served until here.
	t.loaded = true
	for ino, a := range t.attach {
		t.hand(ino, a)
	}
	t.adopt()
	return nil
}

func readEndpoints(file string) ([]*endpoint, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > maxFile {
		err = errors.New("it is too large")
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("endpoints of before: %w", err)
	}
	list, err := parseEndpoints(b)
	if err != nil {
		return nil, fmt.Errorf("%s does not hold endpoints: remove it (containers that run keep sending to ports that nobody hears then): %w", file, err)
	}
	return list, nil
}

func parseEndpoints(b []byte) ([]*endpoint, error) {
	var list []*endpoint
	if len(b) == 0 { // a crash of the machine
		return nil, nil
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, err
	}
	for i, e := range list {
		if e == nil {
			return nil, fmt.Errorf("entry %d is none", i)
		}
		r := launch.Request{ContainerID: e.ContainerID, Name: e.Name, Labels: e.Labels, Cgroup: e.Cgroup, Netns: e.Netns}
		if err := r.Check(); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return list, nil
}
