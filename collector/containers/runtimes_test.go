package containers

import (
	"fmt"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

var spec = rig.Spec{
	Labels: map[string]string{"tier": "front", "com.docker.compose.project": "shop"},
	Env:    map[string]string{"A": "b"},
}

func named(name string) func(*Identity) bool {
	return func(id *Identity) bool { return id.Name == name && id.PID > 0 }
}

func TestDocker(t *testing.T) {
	d := rig.Docker(t)
	before := d.Run(t, spec)
	o := none()
	o.DockerHost = "unix://" + d.Socket
	r := start(t, o)
	connected(t, r, "docker")
	follow(t, r, before.Cgroup, named(before.Name))

	c := d.Run(t, spec)
	id := follow(t, r, c.Cgroup, named(c.Name))
	wantLabels(t, id, map[string]string{"container_id": c.ID, "name": c.Name, "image": rig.Image, "runtime": "docker",
		"label.tier": "front",
		"task_id":    c.ID, "task_name": c.Name, "application_name": "shop", "unit": "", "pod": ""})
	if id.ContainerID != c.ID || id.Image != rig.Image || id.PID != c.PID ||
		len(id.Label("image_id")) != len("sha256:")+64 {
		t.Errorf("identity %+v", id)
	}

	gen := r.Gen()
	name := rig.UniqueName("renamed")
	if out, err := dockerCmd(d, "rename", c.ID, name); err != nil {
		t.Fatal(out, err)
	}
	follow(t, r, c.Cgroup, named(name))
	if r.Gen() == gen {
		t.Error("Gen did not rise with the name")
	}

	c.Stop()
	r.Forget(c.Cgroup)
	within(t, 2*time.Second, "removed container forgotten", func() bool {
		r.mu.RLock()
		defer r.mu.RUnlock()
		return r.store.byKey[c.ID] == nil && len(r.store.byPath) == 1
	})
}

// TestCgroupParent runs one docker container below a cgroup that no path rule knows, and
// one whose command has moved into a cgroup of its own.
func TestCgroupParent(t *testing.T) {
	d := rig.Docker(t)
	o := none()
	o.DockerHost = d.Socket
	r := start(t, o)
	connected(t, r, "docker")
	s := spec
	s.Args = []string{"--cgroup-parent", "/" + rig.UniqueName("odd")}
	c := d.Run(t, s)
	id := follow(t, r, c.Cgroup, named(c.Name))
	wantLabels(t, id, map[string]string{"container_id": c.ID, "runtime": "docker"})
	inner := r.Resolve(c.Cgroup + "/init.scope")
	wantLabels(t, inner, map[string]string{"container_id": "", "name": "", "parent_container_id": c.ID,
		"unit": "init.scope"})
}

func TestMarathonOnDocker(t *testing.T) {
	d := rig.Docker(t)
	o := none()
	o.DockerHost = d.Socket
	r := start(t, o)
	connected(t, r, "docker")
	s := spec
	s.Env = map[string]string{"MESOS_TASK_ID": "shop_web.3f0d", "MARATHON_APP_ID": "/shop/web",
		"MESOS_FRAMEWORK_ID": "4193-0001"}
	// the name that a Mesos agent gives
	s.Name = "mesos-" + uuid[:24] + fmt.Sprintf("%012x", time.Now().UnixNano()&(1<<48-1))
	c := d.Run(t, s)
	wantLabels(t, follow(t, r, c.Cgroup, named(c.Name)),
		map[string]string{"task_id": "shop_web.3f0d", "task_name": "web.shop",
			"application_name": "/shop/web", "framework_id": "4193-0001", "framework_name": "marathon"})

	// A container that Mesos did not start, but whose environment claims so.
	s.Name = ""
	c = d.Run(t, s)
	wantLabels(t, follow(t, r, c.Cgroup, named(c.Name)), map[string]string{"task_id": c.ID, "task_name": c.Name,
		"application_name": "shop", "framework_id": "", "framework_name": "", "executor_id": ""})
}

func TestContainerd(t *testing.T) {
	d := rig.Containerd(t)
	before := d.Run(t, spec)
	o := none()
	o.ContainerdAddress = d.Socket
	r := start(t, o)
	connected(t, r, "containerd")
	follow(t, r, before.Cgroup, named(before.Name))
	c := d.Run(t, spec)
	id := follow(t, r, c.Cgroup, named(c.Name))
	wantLabels(t, id, map[string]string{"container_id": c.ID, "name": c.Name, "image": rig.Image, "runtime": "containerd",
		"label.tier": "front", "task_id": c.ID, "task_name": c.Name})
	if id.PID != c.PID || len(id.Label("image_id")) != len("sha256:")+64 {
		t.Errorf("identity %+v", id)
	}
	c.Stop()
	r.Forget(c.Cgroup)
	within(t, 2*time.Second, "removed container forgotten", func() bool {
		return r.Resolve(c.Cgroup).ContainerID == ""
	})
}

func TestPodmanState(t *testing.T) {
	d := rig.Podman(t)
	o := none()
	o.StateDirs = []string{d.RuncRoot}
	r := start(t, o)
	c := d.Run(t, spec)
	id := follow(t, r, c.Cgroup, named(c.Name))
	wantLabels(t, id, map[string]string{"container_id": c.ID, "name": c.Name, "image": rig.Image, "runtime": "podman",
		"task_id": c.ID, "label.tier": ""})
	if id.PID != c.PID || len(id.Label("image_id")) != len("sha256:")+64 {
		t.Errorf("identity %+v", id)
	}
}

func TestPodmanAPI(t *testing.T) {
	d := rig.Podman(t)
	rig.Serve(t, d)
	o := none()
	o.ContainerHost = "unix://" + d.Socket
	r := start(t, o)
	time.Sleep(100 * time.Millisecond)
	for _, s := range r.Status() {
		if s.Connected {
			t.Errorf("asked before there was a container: %+v", s)
		}
	}
	c := d.Run(t, spec)
	id := follow(t, r, c.Cgroup, named(c.Name))
	wantLabels(t, id, map[string]string{"container_id": c.ID, "name": c.Name, "image": rig.Image, "runtime": "podman",
		"label.tier": "front", "application_name": "shop"})
	second := d.Run(t, spec)
	follow(t, r, second.Cgroup, named(second.Name))
}

func TestRunc(t *testing.T) {
	d := rig.Runc(t)
	o := none()
	o.StateDirs = []string{d.RuncRoot}
	r := start(t, o)
	s := spec
	s.Env = map[string]string{"NOMAD_ALLOC_ID": "6a1f4f4c-1b5d-4a3e-9d2c-0f5c5a0f1c11", "NOMAD_TASK_NAME": "redis",
		"NOMAD_JOB_NAME": "cache", "NOMAD_NAMESPACE": "default"}
	c := d.Run(t, s)
	id := follow(t, r, c.Cgroup, named(c.Name))
	wantLabels(t, id, map[string]string{"container_id": c.ID, "name": c.Name, "runtime": "runc", "label.tier": "front",
		"task_id": c.ID, "task_name": c.Name, "framework_name": "", "framework_id": "", "executor_id": ""})
	if id.PID != c.PID {
		t.Errorf("pid %d, want %d", id.PID, c.PID)
	}

	// a new container with the same name and path
	c.Stop()
	r.Forget(c.Cgroup)
	s.Name = c.Name
	again := d.Run(t, s)
	if again.Cgroup != c.Cgroup {
		t.Fatalf("cgroups %s and %s", again.Cgroup, c.Cgroup)
	}
	follow(t, r, again.Cgroup, func(id *Identity) bool { return id.PID == again.PID })
	again.Stop()
	r.Forget(again.Cgroup)
	within(t, 2*time.Second, "removed container forgotten",
		func() bool { return r.Resolve(again.Cgroup).ContainerID == "" })
}

// TestPathAlone resolves real containers without any runtime to ask. The path and the
// first process give their identity. The environment is not used, because the path names
// a runtime other than Mesos.
func TestPathAlone(t *testing.T) {
	d := rig.Docker(t)
	s := spec
	s.Env = map[string]string{"MESOS_TASK_ID": "t1"}
	c := d.Run(t, s)
	r := start(t, none())
	id := r.Resolve(c.Cgroup)
	wantLabels(t, id, map[string]string{"container_id": c.ID, "runtime": "docker", "task_id": c.ID, "name": ""})
	id = follow(t, r, c.Cgroup, func(id *Identity) bool { return id.PID > 0 })
	wantLabels(t, id, map[string]string{"container_id": c.ID, "runtime": "docker", "task_id": c.ID})
	if id.PID != c.PID {
		t.Errorf("pid %d, want %d", id.PID, c.PID)
	}
}
