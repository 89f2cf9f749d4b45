package containers

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// Where Docker writes logs, for each kind of driver.
func TestDockerLogPath(t *testing.T) {
	d := rig.Docker(t)
	o := none()
	o.DockerHost = d.Socket
	r := start(t, o)
	connected(t, r, "docker")
	for driver, want := range map[string]string{
		"json-file": "/ID/ID-json.log",
		"local":     "/ID/local-logs/container.log",
		"syslog":    "/ID/container-cached.log",
		"none":      "",
	} {
		s := rig.Spec{Args: []string{"--log-driver", driver}}
		if driver == "syslog" {
			s.Args = append(s.Args, "--log-opt", "syslog-address=unixgram://"+unixgram(t))
		}
		c := d.Run(t, s)
		checkLogPath(t, driver, follow(t, r, c.Cgroup, named(c.Name)), strings.ReplaceAll(want, "ID", c.ID))
	}
}

// checkLogPath checks that the log of a container is a file of that name.
func checkLogPath(t *testing.T, what string, id *Identity, suffix string) {
	t.Helper()
	if suffix == "" && id.LogPath == "" {
		return
	}
	if suffix == "" || !strings.HasSuffix(id.LogPath, suffix) {
		t.Errorf("%s: the log is %q", what, id.LogPath)
		return
	}
	if st, err := os.Stat(id.LogPath); err != nil || !st.Mode().IsRegular() {
		t.Errorf("%s: %v", what, err)
	}
}

// Where Podman writes logs, by its API and by its files.
func TestPodmanLogPath(t *testing.T) {
	d := rig.Podman(t)
	rig.Serve(t, d)
	viaAPI, viaState := none(), none()
	viaAPI.ContainerHost, viaState.StateDirs = d.Socket, []string{d.RuncRoot}
	for name, r := range map[string]*Resolver{"api": start(t, viaAPI), "state": start(t, viaState)} {
		for driver, want := range map[string]string{"k8s-file": "/userdata/ctr.log", "none": ""} {
			c := d.Run(t, rig.Spec{Args: []string{"--log-driver", driver}})
			checkLogPath(t, name+" "+driver, follow(t, r, c.Cgroup, named(c.Name)), want)
		}
	}
}

// The log of a container of a user's runtime is known to be named by that user, whether its
// API or its files name it.
func TestLogUserOfUsersRuntime(t *testing.T) {
	d := rig.Podman(t)
	rig.Serve(t, d)
	viaAPI, viaState := none(), none()
	viaAPI.ContainerHost, viaState.StateDirs = d.Socket, []string{d.RuncRoot}
	defer func(dirs string) { userDirs = dirs }(userDirs)
	userDirs = filepath.Dir(d.Dir) + "/" // the name of the runtime's directory is no number
	for name, o := range map[string]Options{"api": viaAPI, "state": viaState} {
		r := New(o)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		c := d.Run(t, rig.Spec{Args: []string{"--log-driver", "k8s-file"}})
		if id := follow(t, r, c.Cgroup, named(c.Name)); id.LogPath == "" || id.LogUser != nobody {
			t.Errorf("%s: the log is %q of user %d, want %d", name, id.LogPath, id.LogUser, uint32(nobody))
		}
		cancel()
		<-ended // before userDirs changes
	}
}

func TestLogPathOfInspect(t *testing.T) {
	id := strings.Repeat("a", 64)
	dir := "/var/lib/docker/containers/" + id
	for _, c := range []struct {
		name string
		l    inspectedLog
		want string
	}{
		{"json-file", inspectedLog{LogPath: dir + "/x-json.log"}, dir + "/x-json.log"},
		{"json-file", inspectedLog{LogPath: "relative"}, ""},
		{"json-file", inspectedLog{LogPath: "/" + strings.Repeat("a", maxPath)}, ""},
		{"local", inspectedLog{HostsPath: dir + "/hosts"}, dir + "/local-logs/container.log"},
		{"local", inspectedLog{HostsPath: "/var/lib/docker/containers/another/hosts"}, ""},
		{"fluentd", inspectedLog{ResolvConfPath: dir + "/resolv.conf"}, dir + "/container-cached.log"},
		{"journald", inspectedLog{LogPath: dir + "/x", HostsPath: dir + "/hosts"}, ""},
	} {
		c.l.HostConfig.LogConfig.Type = c.name
		if got := c.l.logPath(id); got != c.want {
			t.Errorf("%+v: %q", c.l, got)
		}
	}
	if got := cleanLogPath("/a/../b//c"); got != filepath.Clean("/b/c") {
		t.Errorf("%q", got)
	}
}

// unixgram makes a socket that somebody could listen to.
func unixgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return path
}

// Containers that have ended are found as long as their runtime has them, also those that
// had ended before the Resolver began.
func TestLogged(t *testing.T) {
	d := rig.Docker(t)
	p := rig.Podman(t)
	rig.Serve(t, p)
	ctx := t.Context()
	want := map[string]bool{} // whether it runs, by name
	var before []string
	for _, e := range []*rig.Engine{d, p} {
		driver := map[string]string{"docker": "json-file", "podman": "k8s-file"}[e.Name]
		s := rig.Spec{Args: []string{"--log-driver", driver}, Env: map[string]string{"A": "b"}}
		running, stopped := e.Run(t, s), e.Run(t, s)
		none := e.Run(t, rig.Spec{Args: []string{"--log-driver", "none"}})
		for _, c := range []*rig.Container{stopped, none} {
			argv := append(e.Bin[1:len(e.Bin):len(e.Bin)], "kill", c.ID)
			if out, err := exec.Command(e.Bin[0], argv...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		want[running.Name], want[stopped.Name] = true, false
		before = append(before, running.Cgroup)
	}
	o := none()
	o.DockerHost, o.ContainerHost = d.Socket, "unix://"+p.Socket
	r := start(t, o)
	for _, path := range before {
		follow(t, r, path, func(id *Identity) bool { return id.PID > 0 && id.LogPath != "" })
	}
	rig.Eventually(t, 20*time.Second, func() error {
		all, errs := r.Logged(ctx)
		got := map[string]bool{}
		for _, c := range all {
			if _, err := os.Stat(c.LogPath); err != nil {
				t.Error(err)
			}
			if c.Label("task_name") != c.Name {
				t.Errorf("%+v", c.Identity)
			}
			got[c.Name] = c.Runs
		}
		if len(errs) > 0 || !maps.Equal(got, want) {
			return fmt.Errorf("%v, not %v: %v", got, want, errs)
		}
		return nil
	})
}

// A log's path counts as named by the user below whose directory the runtime is.
func TestUserOfRuntime(t *testing.T) {
	for path, want := range map[string]uint32{
		"/run/user/1000/docker.sock": 1000, "/run/user/1000/crun/abc": 1000, "/run/user/../user/7/x": 7,
		"/run/docker.sock": 0, "/run/runc/abc": 0, "/run/user/../docker.sock": 0,
		"/run/user/root/docker.sock": nobody, "/run/user/99999999999/x": nobody, "/run/user/-1/x": nobody,
	} {
		if got := userOf(path); got != want {
			t.Errorf("%s: user %d, want %d", path, got, want)
		}
	}
	recs := []*record{{id: "a"}, {id: "a", logPath: "/x", logUser: 1000}, {id: "a", logPath: "/y"}}
	if id := compose(place{}, recs, nil, "", nil); id.LogPath != "/x" || id.LogUser != 1000 {
		t.Errorf("%s of user %d, want /x of user 1000", id.LogPath, id.LogUser)
	}
	if sameRecord(recs[1], &record{id: "a", logPath: "/x"}) {
		t.Error("records of two users are the same")
	}
}
