package origin

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/bpf"
)

// Sender is where a packet came from. Its fields are those of intake.Source, so that one
// can be converted to the other.
type Sender struct {
	Listener uint32
	Port     uint16
	SrcPort  uint16
	Src      [16]byte
	PID      uint32
	UID      uint32
	GID      uint32
}

// Resolve returns the origin of a packet from its destination port, or else from the
// sender's cgroup, or else from the process that the kernel reports. It returns 0 if all
// are unknown. Only the first packet from a cgroup or process needs a lookup, which
// allocates.
func (t *Table) Resolve(s *Sender) Origin {
	if s.Port == 0 {
		if s.PID == 0 {
			return 0
		}
		return t.process(s.PID)
	}
	if o := t.ports[s.Port].Load(); o != 0 {
		return Origin(o)
	}
	if t.sender == nil {
		return 0
	}
	h, id, ok := t.sender.Cgroup(s.Src, s.SrcPort, s.Port)
	if !ok {
		return 0
	}
	return t.ofCgroup(h, id)
}

func (t *Table) ofCgroup(h bpf.Hierarchy, id uint64) Origin {
	if o, ok := t.index.Load().byCgroup[cgroupKey(h, id)]; ok {
		return o
	}
	return t.lookUp(h, id)
}

// cgroupKey returns the key of a cgroup in maps of all hierarchies. An id has at most 48
// bits: bpf/sender.bpf.c reports no greater one.
func cgroupKey(h bpf.Hierarchy, id uint64) uint64 { return uint64(h)<<48 | id }

// lookUp finds a cgroup by its id. The kernel does not reuse ids, so an id that was not
// found is not looked up again.
//
// A short task may end, and its cgroup be removed, while its packet waits here: the
// kernel knows no path for the id then. That of an endpoint is known nevertheless.
func (t *Table) lookUp(h bpf.Hierarchy, id uint64) Origin {
	path, err := t.trees[h].path(id)
	if err != nil {
		path = ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.index.Load().clone()
	if len(x.byCgroup) >= maxCgroups {
		clear(x.byCgroup)
	}
	o := t.byPath(x, path)
	if path == "" {
		o = t.cgroups[cgroupKey(h, id)]
	}
	x.byCgroup[cgroupKey(h, id)] = o
	t.index.Store(x)
	return o
}

// A cached process: pid (22 bits, PID_MAX_LIMIT), origin (18), seconds since the start
// (24: half a year). An entry is valid for two seconds, because a pid may be reused.
const (
	pidSeconds  = 2
	pidBits     = 22
	originBits  = 18
	secondsBits = 24
)

func (t *Table) process(pid uint32) Origin {
	const mask = 1<<secondsBits - 1
	now := uint64(time.Since(t.start)/time.Second) & mask // steady, even if the wall clock is set
	at := &t.pids[pid%uint32(len(t.pids))]
	if w := at.Load(); w != 0 && uint32(w>>(64-pidBits)) == pid && (now-w)&mask < pidSeconds {
		return Origin(w >> secondsBits & (1<<originBits - 1))
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(int(pid)) + "/cgroup")
	if err != nil {
		return 0 // the process has ended
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.index.Load()
	o, path := Origin(0), t.cgroupOf(b)
	if path != "" {
		if o = x.byPath[path]; o == 0 {
			x = x.clone()
			o = t.byPath(x, path)
			t.index.Store(x)
		}
	}
	at.Store(uint64(pid)<<(64-pidBits) | uint64(o)<<secondsBits | now)
	return o
}

// maxClaims limits how many containers are known from lines alone.
const maxClaims = 1024

// Fields returns the origin of a line. packet is the origin of its packet (0: unknown);
// container and external are the fields c and e without their prefixes; entity is the
// value of the tag dd.internal.entity_id, a pod's uid. If packet is known, it is
// returned, and a field that names another origin is counted as a conflict.
func (t *Table) Fields(packet Origin, container, external, entity []byte) Origin {
	if string(entity) == "none" { // Datadog's clients send this if they have no entity
		entity = nil
	}
	if len(container) == 0 && len(external) == 0 && (len(entity) == 0 || packet != 0) {
		return packet
	}
	x := t.index.Load()
	claim := Origin(0)
	var id []byte
	for rest := container; len(rest) > 0 && claim == 0; {
		f := rest
		if i := bytes.IndexByte(rest, ','); i >= 0 {
			f, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		switch {
		case bytes.HasPrefix(f, []byte("in-")):
			if ino, ok := parseUint(f[3:]); ok {
				claim = t.byInode(x, ino)
			}
		case bytes.HasPrefix(f, []byte("ci-")):
			id = f[3:]
			claim = x.byID[string(id)]
		default:
			id = f
			claim = x.byID[string(id)]
		}
	}
	if claim == 0 && len(external) > 0 {
		claim = x.byPod[podOf(external)]
	}
	switch {
	case packet != 0:
		if claim != 0 && claim != packet {
			t.conflicts.Add(1)
		}
		return packet
	case claim != 0:
		return claim
	case len(entity) > 0:
		if o := t.pod(x, entity); o != 0 || len(id) == 0 {
			return o
		}
	}
	if len(id) > 0 {
		return t.claim(id)
	}
	t.unknown.Add(1)
	return 0
}

// pod returns the origin of a pod: its only container, or its cgroup.
func (t *Table) pod(x *index, uid []byte) Origin {
	if o := x.byPod[podKey{uid: view(uid)}]; o != 0 {
		return o
	}
	dir := x.pods[view(uid)]
	if dir == "" {
		t.unknown.Add(1)
		return 0
	}
	if o := x.byPath[dir]; o != 0 {
		return o
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	x = t.index.Load().clone()
	o := t.byPath(x, dir)
	t.index.Store(x)
	return o
}

// claim returns a new origin for a container that only a line names.
func (t *Table) claim(id []byte) Origin {
	ok := len(id) <= 128
	for _, c := range id {
		ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.')
	}
	if ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		x := t.index.Load()
		if o := x.byID[string(id)]; o != 0 {
			return o
		}
		if t.claims < maxClaims {
			if o := t.number(Info{ContainerID: string(id), Claimed: true}); o != 0 {
				t.claims++
				x = x.clone()
				x.byID[string(id)] = o
				t.index.Store(x)
				return o
			}
		}
	}
	t.unknown.Add(1)
	return 0
}

// podOf parses a field e: it-BOOL (an init container), cn-NAME, pu-UID.
func podOf(b []byte) (k podKey) {
	for len(b) > 0 {
		f := b
		if i := bytes.IndexByte(b, ','); i >= 0 {
			f, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		switch {
		case bytes.HasPrefix(f, []byte("cn-")):
			k.container = view(f[3:])
		case bytes.HasPrefix(f, []byte("pu-")):
			k.uid = view(f[3:])
		}
	}
	return k
}

func parseUint(b []byte) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
