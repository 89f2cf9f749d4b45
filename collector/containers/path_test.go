package containers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	id64  = "3dc15c7f9b0b8e4bc4b1fe3f0a5c4ea9a07a9a3ec13fdc7c63e4bd0c4f4b7a12"
	id64b = "22b98b89271b9d9849545f378160b4608197bd7fab82857618cdda1138509364"
	uuid  = "6a1f4f4c-1b5d-4a3e-9d2c-0f5c5a0f1c11"
	uuid2 = "9d0b3c52-7a52-4a0f-8a3f-2f3bd5f1c0aa"
)

// TestParsePath tests the layouts of the runtimes, kubelet, Mesos and Nomad, with both
// cgroup drivers.
func TestParsePath(t *testing.T) {
	podUID, podSlice := "55c6c714-b240-4dec-9a45-57b61696ab6e", "55c6c714_b240_4dec_9a45_57b61696ab6e"
	for path, want := range map[string]place{
		"/":                         {},
		"/docker":                   {},
		"/docker/" + id64:           {id: id64, runtime: "docker"},
		"/docker/" + id64 + "/init": {parent: id64},
		"/docker/" + id64 + "/system.slice/nginx.service": {parent: id64,
			slice: "system.slice", unit: "nginx.service"},
		"/docker/" + id64 + "/docker/" + id64b: {id: id64b, runtime: "docker",
			parent: id64},
		"/system.slice/docker-" + id64 + ".scope": {id: id64, runtime: "docker",
			slice: "system.slice"},
		"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + id64 + ".scope": {id: id64, runtime: "docker",
			slice: "user.slice", unit: "user@1000.service"},
		"/my/parent/" + id64:                            {id: id64},
		"/ecs/0123456789abcdef0123456789abcdef/" + id64: {id: id64},
		"/actions_job/" + id64:                          {id: id64},
		"/default/c1":                                   {},
		"/docker/buildkit/abcdefghijklmnopqrstuvwxy":    {id: "abcdefghijklmnopqrstuvwxy", runtime: "buildkit"},

		"/libpod_parent":                              {},
		"/libpod_parent/conmon":                       {},
		"/libpod_parent/libpod-" + id64:               {id: id64, runtime: "podman"},
		"/libpod_parent/" + id64b + "/libpod-" + id64: {id: id64, runtime: "podman"},
		"/machine.slice/libpod-" + id64 + ".scope": {id: id64, runtime: "podman",
			slice: "machine.slice"},
		"/machine.slice/libpod-" + id64 + ".scope/container": {parent: id64},
		"/machine.slice/libpod-conmon-" + id64 + ".scope": {slice: "machine.slice",
			unit: "libpod-conmon-" + id64 + ".scope"},
		"/machine.slice/machine-libpod_pod_" + id64b + ".slice/libpod-" + id64 + ".scope": {id: id64, runtime: "podman",
			slice: "machine-libpod_pod_" + id64b + ".slice"},
		"/system.slice/web.service/libpod-payload-" + id64: {id: id64, runtime: "podman",
			slice: "system.slice", unit: "web.service"},

		"/kubepods":                                     {},
		"/kubepods/burstable":                           {},
		"/kubepods/burstable/pod" + podUID:              {podUID: podUID, podTop: true},
		"/kubepods/burstable/pod" + podUID + "/" + id64: {id: id64, podUID: podUID},
		"/kubepods/pod" + podUID + "/" + id64:           {id: id64, podUID: podUID},
		"/kubepods/besteffort/pod8daa50c3a64c9ff60bb9eab7b44b56fd/" + id64: {id: id64,
			podUID: "8daa50c3a64c9ff60bb9eab7b44b56fd"},
		"/kubepods/besteffort/pod" + podUID + "/crio-" + id64:        {id: id64, runtime: "cri-o", podUID: podUID},
		"/kubepods/besteffort/pod" + podUID + "/crio-conmon-" + id64: {podUID: podUID},
		"/kubepods.slice":                          {slice: "kubepods.slice"},
		"/kubepods.slice/kubepods-burstable.slice": {slice: "kubepods-burstable.slice"},
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + podSlice + ".slice": {podUID: podUID,
			podTop: true, slice: "kubepods-burstable-pod" + podSlice + ".slice"},
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + podSlice + ".slice/cri-containerd-" + id64 +
			".scope": {
			id: id64, runtime: "containerd", podUID: podUID, slice: "kubepods-burstable-pod" + podSlice + ".slice"},
		"/kubepods.slice/kubepods-pod" + podSlice + ".slice/crio-" + id64 + ".scope": {
			id: id64, runtime: "cri-o", podUID: podUID, slice: "kubepods-pod" + podSlice + ".slice"},
		"/kubepods.slice/kubepods-pod" + podSlice + ".slice/crio-" + id64 +
			".scope/container": {parent: id64, podUID: podUID},
		"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + podSlice + ".slice/docker-" + id64 +
			".scope/kube-proxy": {parent: id64, podUID: podUID},
		"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod" + podSlice +
			".slice/cri-containerd-" + id64 + ".scope": {
			id: id64, runtime: "containerd", podUID: podUID, slice: "kubelet-kubepods-besteffort-pod" + podSlice + ".slice"},
		"/kubelet/kubepods/besteffort/pod" + podUID + "/" + id64: {id: id64, podUID: podUID},
		"/system.slice/containerd.service/kubepods-burstable-pod" + podSlice + ".slice:cri-containerd:" + id64: {
			id: id64, runtime: "containerd", podUID: podUID, slice: "kubepods-burstable-pod" + podSlice + ".slice",
			unit: "containerd.service"},
		"/docker/" + id64b + "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + podSlice + ".slice/crio-" +
			id64 + ".scope": {
			id: id64, runtime: "cri-o", parent: id64b, podUID: podUID, slice: "kubepods-besteffort-pod" + podSlice + ".slice"},

		"/mesos":                             {},
		"/mesos/" + uuid:                     {id: uuid, runtime: "mesos"},
		"/mesos/" + uuid + "/leaf":           {parent: uuid},
		"/mesos/" + uuid + "/mesos":          {parent: uuid},
		"/mesos/" + uuid + "/mesos/" + uuid2: {id: uuid + "." + uuid2, runtime: "mesos", parent: uuid},
		"/mesos/slave":                       {},
		"/mesos_executors.slice":             {slice: "mesos_executors.slice"},

		"/nomad": {},
		"/nomad/" + uuid + ".redis": {id: uuid + ".redis", name: "redis", runtime: "nomad",
			alloc: uuid, task: "redis"},
		"/nomad/reserve/" + uuid + ".redis": {id: uuid + ".redis", name: "redis", runtime: "nomad",
			alloc: uuid, task: "redis"},
		"/nomad/reserved/" + uuid + "-redis": {id: uuid + ".redis", name: "redis", runtime: "nomad",
			alloc: uuid, task: "redis"},
		"/nomad/" + uuid + "/redis": {id: uuid + ".redis", name: "redis", runtime: "nomad",
			alloc: uuid, task: "redis"},
		"/nomad.slice/share.slice/" + uuid + ".web-1.scope": {id: uuid + ".web-1", name: "web-1", runtime: "nomad",
			alloc: uuid, task: "web-1", slice: "share.slice"},
		"/nomad.slice/" + uuid + ".web.scope": {id: uuid + ".web", name: "web", runtime: "nomad", alloc: uuid,
			task: "web", slice: "nomad.slice"},

		"/lxc/web":                    {id: "web", name: "web", runtime: "lxc"},
		"/lxc.payload.web":            {id: "web", name: "web", runtime: "lxc"},
		"/lxc.payload/web":            {id: "web", name: "web", runtime: "lxc"},
		"/lxc.monitor.web":            {},
		"/lxc.payload.web/init.scope": {parent: "web", unit: "init.scope"},
		"/garden/b4f3":                {id: "b4f3", runtime: "garden"},
		"/system.slice/garden.service/garden/good/b4f3": {id: "b4f3", runtime: "garden", slice: "system.slice",
			unit: "garden.service"},
		`/machine.slice/machine-qemu\x2d1\x2dvm\x2da.scope`: {id: "qemu-1-vm-a", name: "vm-a", runtime: "libvirt",
			slice: "machine.slice"},
		"/machine.slice/systemd-nspawn@deb.service": {id: "deb", name: "deb", runtime: "systemd-nspawn",
			slice: "machine.slice"},

		"/system.slice/runc-my-box.scope":                     {id: "my-box", runtime: "runc", slice: "system.slice"},
		"/system.slice/nerdctl-" + id64 + ".scope":            {id: id64, runtime: "containerd", slice: "system.slice"},
		"/system.slice/ssh.service":                           {slice: "system.slice", unit: "ssh.service"},
		"/system.slice/foo.service/payload":                   {slice: "system.slice", unit: "foo.service"},
		"/init.scope":                                         {unit: "init.scope"},
		"/user.slice/user-0.slice/session-3.scope":            {slice: "user-0.slice", unit: "session-3.scope"},
		`/system.slice/system-getty.slice/getty@tty1.service`: {slice: "system-getty.slice", unit: "getty@tty1.service"},
	} {
		if diff := cmp.Diff(want, parsePath(path), cmp.AllowUnexported(place{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"/docker/" + id64, "/kubepods.slice/kubepods-pod" + uuid + ".slice/crio-" + id64 + ".scope",
		"/mesos/" + uuid + "/mesos/" + uuid2,
		"/nomad.slice/" + uuid + ".x.scope", `/machine.slice/machine-a\x2.scope`, "/a:b:" + id64, "//", "/\xff/..", "/lxc/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := parsePath(s)
		id := compose(p, nil, nil, "", nil)
		checkRow(t, id)
		if p.id == "" && (id.ContainerID != "" || id.Label("container_id") != "") {
			t.Errorf("%q is no container's, yet has an id: %+v", s, id)
		}
		if strings.HasSuffix(s, "/") {
			return
		}
		if p.id != "" && parsePath(s+"/x").id == p.id {
			t.Errorf("%q: a cgroup inside has the id of the container", s)
		}
	})
}
