package containers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// crunDir writes crun's files of a container (status and config.json, as from crun 1.8
// on a machine with only v2; crun does not run on a hybrid one). The process in them is
// the test's own, and began at a time in clock ticks since the boot.
func crunDir(t *testing.T, root, id, cgroup, bundle string, started uint64, annotations map[string]string) {
	t.Helper()
	dir := filepath.Join(root, id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"ociVersion": "1.0.2", "annotations": annotations})
	if err != nil {
		t.Fatal(err)
	}
	status := fmt.Sprintf(`{"pid":%d,"process-start-time":%d,"cgroup-path":%q,"scope":"x.scope",
		"rootfs":"rootfs","systemd-cgroup":true,
		"bundle":%q,"created":"2026-11-22T17:46:17Z","owner":"root","detached":true,"external_descriptors":"[]"}`,
		os.Getpid(), started, cgroup, bundle)
	// As crun does, status last: a directory that has it is not read again.
	for _, file := range []struct{ name, text string }{{"config.json", string(config)}, {"status", status}} {
		if err := os.WriteFile(filepath.Join(dir, file.name), []byte(file.text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCrun(t *testing.T) {
	root, storage := t.TempDir(), t.TempDir()
	bundle := filepath.Join(storage, "overlay-containers", id64, "userdata")
	if err := os.MkdirAll(bundle, 0o700); err != nil {
		t.Fatal(err)
	}
	names := `[{"id":"` + id64b + `","names":["other"]},{"id":"` + id64 +
		`","names":["web"],"image":"cbf4","metadata":"{\"image-name\":\"docker.io/library/nginx:1\"}"}]`
	if err := os.WriteFile(filepath.Join(storage, "overlay-containers", "containers.json"), []byte(names),
		0o600); err != nil {
		t.Fatal(err)
	}
	o := none()
	o.StateDirs = []string{filepath.Join(root, "*")} // created later
	r := start(t, o)
	running := procfs("/proc").started(os.Getpid())
	crunDir(t, filepath.Join(root, "crun"), id64, "/machine.slice/libpod-"+id64+".scope/container", bundle, running,
		map[string]string{"io.container.manager": "libpod", "team": "shop"})
	id := follow(t, r, "/machine.slice/libpod-"+id64+".scope", named("web"))
	wantLabels(t, id, map[string]string{"container_id": id64, "runtime": "podman", "image": "docker.io/library/nginx:1",
		"image_id":   "sha256:cbf4",
		"label.team": "shop", "slice": "machine.slice", "label.io.container.manager": ""})
	wantLabels(t, r.Resolve("/machine.slice/libpod-"+id64+".scope/container"),
		map[string]string{"container_id": "", "parent_container_id": id64})

	pod := "/kubepods.slice/kubepods-pod55c6c714_b240_4dec_9a45_57b61696ab6e.slice"
	crunDir(t, filepath.Join(root, "crun"), id64b, pod+"/crio-"+id64b+".scope", "/b", running,
		map[string]string{"io.container.manager": "cri-o",
			"io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.ImageName": "registry.example/web:2",
			podNameKey: "web-0", podNamespaceKey: "shop", podUIDKey: "55c6c714-b240-4dec-9a45-57b61696ab6e",
			containerNameKey: "nginx"})
	id = follow(t, r, pod+"/crio-"+id64b+".scope", named("nginx"))
	wantLabels(t, id, map[string]string{"container_id": id64b, "runtime": "cri-o", "image": "registry.example/web:2",
		"pod": "web-0", "namespace": "shop", "container": "nginx"})

	// The process of this state has ended: the pid is now that of another process.
	crunDir(t, filepath.Join(root, "crun"), "ended", "/ended", "/b", running-1, nil)
	if id := follow(t, r, "/ended", func(id *Identity) bool { return id.Name == "ended" }); id.PID != 0 {
		t.Errorf("pid %d of a process that is not the container's", id.PID)
	}

	if err := os.RemoveAll(filepath.Join(root, "crun", id64b)); err != nil {
		t.Fatal(err)
	}
	within(t, time.Second, "removed state forgotten",
		func() bool { return r.Resolve(pod+"/crio-"+id64b+".scope").Name == "" })
}

func TestBrokenStates(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"empty/state.json": "", "cut/state.json": `{"id":"cut","init_proc`,
		"other/state.json": `{"id":"another","init_process_pid":1}`,
		"nothing/x":        "", "dir/state.json/x": "", "huge/status": `{"pid":1e99}`} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := none()
	o.StateDirs = []string{root}
	r := start(t, o)
	within(t, time.Second, "directory read", func() bool { return r.Status()[0].Connected })
	if st := r.Status()[0]; st.Containers != 0 || len(r.store.byKey) != 0 {
		t.Errorf("%+v", st)
	}
}

func TestSockets(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.sock"), filepath.Join(dir, "b.sock")
	for _, f := range []string{a, b} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "z.sock")
	if err := os.Symlink(a, link); err != nil {
		t.Fatal(err)
	}
	r := New(none())
	check := func(option, env string, want ...string) {
		t.Helper()
		t.Setenv("X_HOST", env)
		if got := r.sockets(option, "X_HOST", "/no/such.sock",
			filepath.Join(dir, "*.sock")); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("option %q, environment %q: %v, want %v", option, env, got, want)
		}
	}
	check("", "", "/no/such.sock", a, b)
	check("", "unix:///x.sock", "/x.sock")
	check("", "tcp://h:2375", "tcp://h:2375")
	check("/o.sock, unix:///p.sock", "unix:///x.sock", "/o.sock", "/p.sock")
	if got := r.sockets("-", "X_HOST", a); got != nil {
		t.Errorf("none wanted, got %v", got)
	}
}

// TestLeaks starts and ends resolvers, and checks for open descriptors.
func TestLeaks(t *testing.T) {
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	before := count()
	for range 5 {
		t.Run("", func(t *testing.T) {
			o := none()
			o.StateDirs = []string{t.TempDir()}
			o.DockerHost, o.ContainerdAddress = filepath.Join(t.TempDir(), "none"), filepath.Join(t.TempDir(), "none")
			r := start(t, o)
			r.Resolve("/docker/" + id64)
			within(t, time.Second, "directory read", func() bool { return r.Status()[2].Connected })
		})
	}
	within(t, 2*time.Second, "descriptors closed", func() bool { return count() <= before+1 })
}
