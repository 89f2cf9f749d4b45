package containers

import (
	"github.com/daytwo/daytwo/api/frame"
)

// Identity names the container or systemd unit that a cgroup belongs to. It is
// immutable.
type Identity struct {
	ContainerID string // "" if the cgroup is not a container's
	Name        string // of the container
	Image       string // as given when the container was started
	// Runtime is docker, containerd, podman, cri-o, runc, crun, mesos, nomad, lxc, garden,
	// libvirt, systemd-nspawn, systemd or daytwo (made known by a launcher).
	Runtime string
	PID     int   // first process, in the collector's pid namespace; 0 = unknown or none
	Started int64 // Unix nanoseconds, from the runtime; 0 = unknown
	// LogPath is the file that the runtime writes the container's output to, at its newest
	// end; rotated ones are beside it. "" if it writes none, or that is not known. The
	// container's runtime, and nobody else, names it.
	LogPath string
	LogUser uint32        // whose runtime named LogPath; 0 for root
	Labels  []frame.Label // all labels of the row, sorted by name; valid UTF-8, no empty values

	weakTags [numTags]bool // tags that the runtime did not report (see tagSource)
	weakName bool          // the runtime did not report Name
}

// Label keys with which kubelet and the CRI runtimes name a pod and its containers.
const (
	podNameKey       = "io.kubernetes.pod.name"
	podNamespaceKey  = "io.kubernetes.pod.namespace"
	podUIDKey        = "io.kubernetes.pod.uid"
	containerNameKey = "io.kubernetes.container.name"
)

// record is what one source reports of one container. It is immutable once it is in the
// store.
type record struct {
	id, space   string // space separates containers with equal ids: a containerd namespace
	runtime     string
	name        string
	image       string
	imageID     string
	logPath     string
	logUser     uint32 // who named logPath, 0 for root
	pid         int
	started     int64    // Unix nanoseconds, 0 if the source does not report it
	paths       []string // of the container's cgroups
	labels      map[string]string
	env         map[string]string // by variable name; only those of envNames
	sandboxOnly bool              // the pause container of a pod
	runs        bool              // a runtime without pids says that it runs
}

// compose makes an identity of the path and of the sources' records, best source first.
// own holds the environment of the container's first process, or is nil. sandbox is the
// record of the pod's sandbox or of another container of the pod.
func compose(p place, recs []*record, own *record, parent string, sandbox *record) *Identity {
	id := &Identity{ContainerID: p.id, Name: p.name, Runtime: p.runtime}
	var b builder
	all := recs
	if own != nil {
		all = append(recs[:len(recs):len(recs)], own)
	}
	if len(all) > 0 {
		id.ContainerID = all[0].id
		id.Name, id.Image, id.Runtime = "", "", ""
	}
	if p.alloc != "" && p.task != "" && p.id != "" {
		id.ContainerID = p.id
	}
	var imageID string
	for _, r := range all {
		first(&id.Name, r.name)
		first(&id.Image, r.image)
		first(&imageID, r.imageID)
		first(&id.Runtime, r.runtime)
		if id.LogPath == "" {
			id.LogPath, id.LogUser = r.logPath, r.logUser
		}
		if id.PID == 0 {
			id.PID = r.pid
		}
		if id.Started == 0 {
			id.Started = r.started
		}
	}
	id.weakName = id.Name == ""
	first(&id.Name, p.name)
	first(&id.Runtime, p.runtime)
	if p.parent != "" {
		parent = p.parent
	}
	if parent != id.ContainerID {
		b.add("parent_container_id", parent)
	}
	if id.ContainerID == "" {
		if p.podTop {
			k := kubeOf([]*record{sandbox}, p)
			k.container = ""
			kube(&b, k)
		}
		if id.Runtime == "" && (p.unit != "" || p.slice != "") && parent == "" {
			id.Runtime = "systemd"
		}
		b.add("unit", p.unit)
		b.add("slice", p.slice)
		b.add("runtime", id.Runtime)
		id.Labels = b.sorted()
		return id
	}
	b.add("container_id", id.ContainerID)
	b.add("name", id.Name)
	b.add("image", id.Image)
	b.add("image_id", imageID)
	b.add("runtime", id.Runtime)
	b.add("slice", p.slice)
	k := kubeOf(recs, p)
	kube(&b, k)
	id.addTags(&b, p, k, recs, own, sandbox)
	if len(all) > 0 {
		b.addAll(all[0].labels)
	}
	if sandbox != nil {
		b.addAll(sandbox.labels) // a pod's labels apply to its containers
	}
	id.Labels = b.sorted()
	return id
}

// addTags adds the origin tags to the labels.
func (id *Identity) addTags(b *builder, p place, k pod, recs []*record, own, sandbox *record) {
	named, heard := schedulersOf(p, recs)
	vars := runtimeVars(recs)
	var bySource [numTagSources]tags
	bySource[byRuntime] = named.tags(vars)
	if k.reported {
		bySource[byRuntime] = podTags(k)
	}
	keys := []string{"com.docker.compose.project", "com.docker.stack.namespace"}
	if k.uid != "" {
		keys = []string{"app.kubernetes.io/name", "k8s-app", "app"}
	}
	if sandbox != nil {
		recs = append(recs[:len(recs):len(recs)], sandbox)
	}
	first(&bySource[byRuntime][applicationName], label(recs, keys...))
	bySource[byPath] = podTags(pod{uid: p.podUID})
	if p.id != "" && p.alloc != "" {
		bySource[byPath] = nomadTask(p.alloc, p.task)
	}
	if own != nil {
		for k, v := range own.env {
			pick(vars, k, v)
		}
	}
	bySource[byEnvironment] = heard.tags(vars)
	bySource[byContainer][taskID], bySource[byContainer][taskName] = id.ContainerID, id.Name
	values, by := merge(&bySource)
	for t := range numTags {
		b.add(tagNames[t], values[t])
		id.weakTags[t] = by[t] != byRuntime
	}
}

// pod is Kubernetes' names of a container and its pod.
type pod struct {
	name, namespace, uid, container string
	reported                        bool // a runtime reported them, not the path alone
}

func kubeOf(recs []*record, p place) pod {
	k := pod{uid: p.podUID}
	for _, r := range recs {
		if r == nil {
			continue
		}
		if uid := r.labels[podUIDKey]; uid != "" {
			k = pod{r.labels[podNameKey], r.labels[podNamespaceKey], uid, r.labels[containerNameKey], true}
			if r.sandboxOnly && k.container == "" {
				k.container = "POD"
			}
			break
		}
	}
	return k
}

func kube(b *builder, k pod) {
	b.add("pod_uid", k.uid)
	b.add("pod", k.name)
	b.add("namespace", k.namespace)
	b.add("container", k.container)
}

func label(recs []*record, keys ...string) string {
	for _, k := range keys {
		for _, r := range recs {
			if v := r.labels[k]; v != "" {
				return v
			}
		}
	}
	return ""
}

func first(dst *string, s string) {
	if *dst == "" {
		*dst = s
	}
}
