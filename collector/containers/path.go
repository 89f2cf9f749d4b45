package containers

import (
	"strconv"
	"strings"
)

// place is what the path of a cgroup says.
type place struct {
	id      string // of the container whose own cgroup this is; "" if there is none
	runtime string
	name    string // name of the container, if the path contains it
	parent  string // id of the nearest container above
	podUID  string // uid of the Kubernetes pod, with dashes
	alloc   string // Nomad allocation
	task    string // Nomad task
	unit    string // nearest systemd unit that is not a slice
	slice   string // nearest systemd slice
	podTop  bool   // the cgroup is that of a whole pod
}

// scopePrefixes maps what runtimes put before the id in the name of a scope or directory
// to the runtime.
var scopePrefixes = map[string]string{
	"docker": "docker", "libpod": "podman", "libpod-payload": "podman", "crio": "cri-o", "cri-containerd": "containerd",
	"nerdctl": "containerd", "runc": "runc", "crun": "crun", "buildkit": "buildkit",
}

// PathContainer returns the id and the name of the container whose own cgroup a path is,
// by the path alone: "" for no container, and for a name that the path does not contain.
func PathContainer(path string) (id, name string) {
	p := parsePath(path)
	return p.id, p.name
}

// parsePath reads a cgroup's path in the forms of the runtimes, kubelet, Mesos, Nomad
// and systemd.
func parsePath(path string) place {
	var p place
	var prev, prev2 string
	inKube, inNomad, inMesos := false, false, false
	for c := range strings.SplitSeq(path, "/") {
		if c == "" {
			continue
		}
		if p.id != "" { // the directory above is a container, so this one is inside it
			p.parent, p.id, p.name, p.unit, p.slice, p.podTop = p.id, "", "", "", "", false
		}
		p.podTop = false
		inKube = inKube || strings.Contains(c, "kubepods")
		inNomad = inNomad || prev == "" && (c == "nomad" || c == "nomad.slice")
		switch {
		case inKube && p.pod(c, prev):
		case inNomad && p.nomad(c):
		case prev == "mesos" && (isUUID(c) || inMesos):
			p.id, p.runtime, inMesos = c, "mesos", true
			if p.parent != "" {
				p.id = p.parent + "." + c
			}
		case p.container(c, prev, prev2):
		case strings.HasSuffix(c, ".slice"):
			p.slice = c
		case isUnit(c):
			p.unit = c
		}
		prev2, prev = prev, c
	}
	if p.id == "" {
		p.runtime = ""
	}
	return p
}

// pod reads the directory that kubelet creates for a pod: kubepods/burstable/pod<uid>,
// or kubepods-burstable-pod<uid with _>.slice.
func (p *place) pod(c, prev string) bool {
	if s, ok := strings.CutSuffix(c, ".slice"); ok {
		i := strings.LastIndex(s, "-pod")
		if i < 0 || !strings.Contains(s[:i], "kubepods") {
			return false
		}
		p.podUID, p.slice, p.podTop = strings.ReplaceAll(s[i+4:], "_", "-"), c, true
		return true
	}
	if uid, ok := strings.CutPrefix(c, "pod"); ok && uid != "" &&
		(prev == "besteffort" || prev == "burstable" || prev == "guaranteed" || strings.HasSuffix(prev, "kubepods")) {
		p.podUID, p.podTop = uid, true
		return true
	}
	return false
}

// nomad reads <alloc>.<task>[.scope], <alloc>-<task>, and <alloc>/<task>.
func (p *place) nomad(c string) bool {
	alloc, task := p.alloc, strings.TrimSuffix(c, ".scope")
	if alloc == "" || p.parent != "" || p.task != "" {
		if len(c) < 36 || !isUUID(c[:36]) {
			return false
		}
		alloc, task = c[:36], strings.TrimSuffix(c[36:], ".scope")
		if task != "" && task[0] != '.' && task[0] != '-' {
			return false
		}
		task = strings.TrimLeft(task, ".-")
	}
	p.alloc, p.task = alloc, task
	if task != "" {
		p.id, p.name, p.runtime = alloc+"."+task, task, "nomad"
	}
	return true
}

// container reads one directory as that of a container. prev and prev2 are the two
// directories above it.
func (p *place) container(c, prev, prev2 string) bool {
	if i := strings.LastIndexByte(c, ':'); i >= 0 { // slice:prefix:id: a systemd path used as a directory name
		if prefix := c[strings.LastIndexByte(c[:i], ':')+1 : i]; isID(c[i+1:]) {
			p.id, p.runtime = c[i+1:], scopePrefixes[prefix]
			p.pod(c[:max(strings.IndexByte(c, ':'), 0)], "")
			p.podTop = false
			return true
		}
	}
	name, scope := strings.CutSuffix(c, ".scope")
	switch {
	case isID(name):
		p.id, p.runtime = name, dirRuntime(prev)
		return prev != "libpod_parent" || p.none()
	case scope && strings.HasPrefix(name, "machine-"):
		return p.machine(unescapeUnit(strings.TrimPrefix(name, "machine-")))
	case strings.HasPrefix(c, "systemd-nspawn@") && strings.HasSuffix(c, ".service"):
		p.id = unescapeUnit(strings.TrimSuffix(strings.TrimPrefix(c, "systemd-nspawn@"), ".service"))
		p.name, p.runtime = p.id, "systemd-nspawn"
		return true
	case prev == "lxc" || prev == "lxc.payload":
		p.id, p.name, p.runtime = c, c, "lxc"
		return true
	case strings.HasPrefix(c, "lxc.payload.") && len(c) > len("lxc.payload."):
		p.id = c[len("lxc.payload."):]
		p.name, p.runtime = p.id, "lxc"
		return true
	case prev == "garden" && c != "good" && c != "bad", prev2 == "garden" && (prev == "good" || prev == "bad"):
		p.id, p.runtime = c, "garden"
		return true
	case prev == "buildkit" && prev2 != "":
		p.id, p.runtime = c, "buildkit"
		return true
	}
	i := strings.LastIndexByte(name, '-')
	if i <= 0 {
		return false
	}
	prefix, id := name[:i], name[i+1:]
	runtime, known := scopePrefixes[prefix]
	if isID(id) && (known || scope && !strings.HasSuffix(prefix, "conmon")) {
		p.id, p.runtime = id, runtime
		return true
	}
	// runc and crun accept any word as an id: the id of runc-my-box.scope is my-box.
	for _, r := range []string{"runc", "crun"} {
		if id, ok := strings.CutPrefix(name, r+"-"); ok && scope && id != "" {
			p.id, p.runtime = id, r
			return true
		}
	}
	return false
}

// machine reads a scope of systemd-machined: qemu-<n>-<name>, lxc-<n>-<name> or <name>.
func (p *place) machine(name string) bool {
	if name == "" {
		return false
	}
	p.id, p.name, p.runtime = name, name, "systemd-nspawn"
	if kind, rest, ok := strings.Cut(name, "-"); ok && (kind == "qemu" || kind == "lxc") {
		if n, vm, ok := strings.Cut(rest, "-"); ok && vm != "" {
			if _, err := strconv.Atoi(n); err == nil {
				p.name, p.runtime = vm, "libvirt"
			}
		}
	}
	return true
}

func (p *place) none() bool {
	p.id, p.runtime = "", ""
	return false
}
