package origin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/collector/bounded"
)

// maxFile is the size of the largest file of endpoints that is read, in bytes.
const maxFile = 256 << 20

// fileWait is the longest wait for the disk with the file of endpoints. A launcher may
// wait that long; no tick does.
const fileWait = 5 * time.Second

// save writes the file of endpoints atomically: a reader finds the old or the new
// version, also after a crash. It is called without t.mu, which ticks need, because the
// disk may hang.
func (t *Table) save() error {
	if t.c.File == "" {
		return nil
	}
	_, err := bounded.Do(t.disk, t.c.File, fileWait, func() (struct{}, error) {
		t.mu.Lock()
		b, err := t.encode() // only after getting the lock: the last writer writes the newest state
		t.mu.Unlock()
		if err == nil {
			err = writeEndpoints(t.c.File, b)
		}
		return struct{}{}, err
	})
	t.mu.Lock()
	t.unsaved = err != nil
	t.mu.Unlock()
	if err != nil {
		return fmt.Errorf("keep endpoints: %w", err)
	}
	return nil
}

// encode returns the content of the file. The caller holds t.mu.
func (t *Table) encode() ([]byte, error) {
	b := []byte{'['}
	for _, e := range t.endpoints {
		if e.json == nil {
			var err error
			if e.json, err = json.Marshal(e); err != nil {
				return nil, err
			}
		}
		if len(b) > 1 {
			b = append(b, ",\n"...)
		}
		b = append(b, e.json...)
	}
	return append(b, "]\n"...), nil
}

func writeEndpoints(file string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".endpoints")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	// No fsync: it would only protect against a crash of the machine, which ends the
	// containers as well.
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	return err
}

// serveKept serves the endpoints in the file, which an earlier process handed out.
func (t *Table) serveKept() error {
	var list []*endpoint
	if t.c.File != "" {
		var err error
		list, err = bounded.Do(t.disk, t.c.File+" read", fileWait, func() ([]*endpoint, error) {
			return readEndpoints(t.c.File)
		})
		if err != nil {
			return err
		}
	}
	namespaces := map[*endpoint]*os.File{}
	for _, e := range list {
		if e.Netns == "" || !t.Steered() {
			continue
		}
		ns, err := t.openNetns(e.Netns)
		switch {
		case err != nil:
			t.unserved(e, err)
		case e.NetnsIno != 0 && inodeOf(ns) != e.NetnsIno: // the pid may have been reused
			ns.Close()
			t.unserved(e, fmt.Errorf("network namespace %s: it is another one by now", e.Netns))
		default:
			namespaces[e] = ns
			defer ns.Close()
		}
	}
	if t.load(list, namespaces) {
		return nil
	}
	return t.save()
}

// unserved removes the network namespace from an endpoint. It is then served as if its
// launcher had not named a namespace.
func (t *Table) unserved(e *endpoint, err error) {
	e.Netns, e.NetnsIno, e.json = "", 0, nil
	t.c.Log.Warn("a container's network namespace is not served", "container_id", e.ContainerID, "err", err)
}

// load opens the endpoints in a list and omits those whose cgroups are gone. It reports
// whether none was omitted.
func (t *Table) load(list []*endpoint, namespaces map[*endpoint]*os.File) (all bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, cgroups := t.index.Load().clone(), false
	for _, e := range list {
		if e.Cgroup != "" && !t.exists(e.Cgroup) || t.endpoints[e.ContainerID] != nil {
			continue
		}
		if err := t.openIn(x, e); err != nil {
			t.c.Log.Error("an endpoint is lost", "container_id", e.ContainerID, "port", e.StatsdPort, "err", err)
			continue
		}
		cgroups = cgroups || e.Cgroup != ""
		if e.Netns == "" {
			continue
		}
		err := errNotSteered
		if ns := namespaces[e]; ns != nil {
			e.NetnsIno, err = t.join(ns)
		}
		if err != nil {
			t.unserved(e, err)
		}
	}
	t.installIndex(x, cgroups)
	// Only now: until here, the previous process's steering was still in use.
	t.loaded = true
	for ino, a := range t.attach {
		t.hand(ino, a)
	}
	t.adopt()
	return len(t.endpoints) == len(list)
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
		return nil, fmt.Errorf(
			"%s does not hold endpoints: remove it (containers that run keep sending to ports that nobody hears then): %w",
			file, err)
	}
	return list, nil
}

func parseEndpoints(b []byte) ([]*endpoint, error) {
	var list []*endpoint
	if len(b) == 0 { // a crash of the machine left an empty file
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
