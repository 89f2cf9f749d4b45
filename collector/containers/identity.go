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
	Labels      []frame.Label // all labels of the row: sorted by name, valid UTF-8, none empty
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
	paths       []string // of its cgroup
	labels      map[string]string
	env         map[string]string // by the names of envNames
	sandboxOnly bool              // the pause container of a pod
}

// compose puts an identity together from the path and what sources know, best
// one first. pod is the record of the pod's sandbox, or of another container of it.
func compose(p place, recs []*record, parent string, sandbox *record) *Identity {
	id := &Identity{ContainerID: p.id, Name: p.name, Runtime: p.runtime}
	var b builder
	if len(recs) > 0 {
		id.ContainerID = recs[0].id
		id.Name, id.Image, id.Runtime = "", "", ""
	}
	if p.alloc != "" && p.task != "" && p.id != "" {
		id.ContainerID = p.id
	}
	var imageID string
	env := map[string]string{}
	for _, r := range recs {
		first(&id.Name, r.name)
		first(&id.Image, r.image)
		first(&imageID, r.imageID)
		first(&id.Runtime, r.runtime)
		if id.PID == 0 {
			id.PID = r.pid
		}
		for k, v := range r.env {
			pick(env, k, v)
		}
		for k, v := range r.labels {
			pick(env, k, v)
		}
	}
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
	if sandbox != nil {
		recs = append(recs[:len(recs):len(recs)], sandbox) // a pod's labels are its containers'
	}
	origin(&b, id, p, k, env, recs)
	if len(recs) > 0 {
		b.addAll(recs[0].labels)
	}
	if sandbox != nil {
		b.addAll(sandbox.labels)
	}
	id.Labels = b.sorted()
	return id
}

// pod is what Kubernetes calls a container and the pod it is in.
type pod struct{ name, namespace, uid, container string }

func kubeOf(recs []*record, p place) pod {
	k := pod{uid: p.podUID}
	for _, r := range recs {
		if r == nil {
			continue
		}
		if uid := r.labels[podUIDKey]; uid != "" {
			k = pod{r.labels[podNameKey], r.labels[podNamespaceKey], uid, r.labels[containerNameKey]}
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

func first(dst *string, s string) {
	if *dst == "" {
		*dst = s
	}
}
