package containers

import (
	"github.com/daytwo/daytwo/api/frame"
)

// Identity says whose a cgroup is. It is immutable.
type Identity struct {
	ContainerID string        // "" for a cgroup that is no container's own
	Name        string        // of the container
	Image       string        // as the container was started with
	Runtime     string        // docker, containerd, podman, cri-o, runc, crun, mesos, nomad, lxc, garden, libvirt, systemd-nspawn, systemd
	PID         int           // first process in the collector's pid namespace; 0 = unknown or none
	Started     int64         // Unix nanoseconds, as the runtime says; 0 = it does not
	Labels      []frame.Label // all labels of the row: sorted by name, valid UTF-8, none empty

	weakTags [numTags]bool // those of Labels that no runtime says, but the path, the environment or nobody
	weakName bool          // no runtime says Name
}

// Keys by which kubelet and the CRI runtimes name a pod and its parts.
const (
	podNameKey       = "io.kubernetes.pod.name"
	podNamespaceKey  = "io.kubernetes.pod.namespace"
	podUIDKey        = "io.kubernetes.pod.uid"
	containerNameKey = "io.kubernetes.container.name"
)

// record is what one source knows of one container. It is immutable once it is
// in the store.
type record struct {
	id, space   string // space sets apart what has the same id: a containerd namespace
	runtime     string
	name        string
	image       string
	imageID     string
	pid         int
	started     int64    // Unix nanoseconds, 0 if the source does not say
	paths       []string // of its cgroup
	labels      map[string]string
	env         map[string]string // by the names of envNames
	sandboxOnly bool              // the pause container of a pod
}

// compose puts an identity together from the path and what sources know, best one
// first. own is what the container's first process says, nil if nothing; sandbox
// the record of its pod's sandbox, or of another container of the pod.
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
		b.addAll(sandbox.labels) // a pod's labels are its containers'
	}
	id.Labels = b.sorted()
	return id
}

// addTags adds the origin tags.
func (id *Identity) addTags(b *builder, p place, k pod, recs []*record, own, sandbox *record) {
	named, heard := schedulersOf(p, recs)
	vars := told(recs)
	var said [numSpeakers]tags
	said[byRuntime] = named.tags(vars)
	if k.told {
		said[byRuntime] = podTags(k)
	}
	keys := []string{"com.docker.compose.project", "com.docker.stack.namespace"}
	if k.uid != "" {
		keys = []string{"app.kubernetes.io/name", "k8s-app", "app"}
	}
	if sandbox != nil {
		recs = append(recs[:len(recs):len(recs)], sandbox)
	}
	first(&said[byRuntime][applicationName], label(recs, keys...))
	said[byPath] = podTags(pod{uid: p.podUID})
	if p.id != "" && p.alloc != "" {
		said[byPath] = nomadTask(p.alloc, p.task)
	}
	if own != nil {
		for k, v := range own.env {
			pick(vars, k, v)
		}
	}
	said[byEnvironment] = heard.tags(vars)
	said[byContainer][taskID], said[byContainer][taskName] = id.ContainerID, id.Name
	values, by := merge(&said)
	for t := range numTags {
		b.add(tagNames[t], values[t])
		id.weakTags[t] = by[t] != byRuntime
	}
}

// pod is what Kubernetes calls a container and the pod it is in.
type pod struct {
	name, namespace, uid, container string
	told                            bool // by a runtime, not by the path alone
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
