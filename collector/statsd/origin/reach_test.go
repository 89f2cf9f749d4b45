package origin

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/collector/statsd/intake"
	"golang.org/x/sys/unix"
)

// apart starts a sender in a cgroup and a network namespace of its own. It also returns
// what a runtime reports of the container.
func apart(t *testing.T, r *fixture, name string, port uint16) (*sender, Container) {
	t.Helper()
	path := fmt.Sprintf("/daytwo-test-origin-%d/%s", os.Getpid(), name)
	dirs := makeCgroup(t, r.table, path)
	p := startSender(t, sending{Cgroups: dirs, Netns: true, Wait: true, Network: "udp",
		Address: fmt.Sprint("127.0.0.1:", port), Lines: []string{name}})
	return p, Container{ID: name, Cgroups: []string{path}, PID: p.Process.Pid}
}

// A container that its launcher named by id alone is served in its network namespace
// once a runtime reports its first process, and only while it lives.
func TestKernelReach(t *testing.T) {
	r := newFixture(t, Config{})
	counts := func(namespaces, unreached int) {
		t.Helper()
		if n := r.table.Counts(); n.Namespaces != namespaces || n.Unreached != unreached {
			t.Errorf("%+v, want %d namespaces and %d unreached", n, namespaces, unreached)
		}
	}
	c := r.add(t, launch.Request{ContainerID: "one"})
	p, of := apart(t, r, "one", c.StatsdPort)
	<-r.table.Changed()
	r.table.Reach()
	counts(0, 0)

	// A process outside the container, as if the pid had been reused.
	other := of
	other.PID = os.Getpid()
	r.table.Containers([]Container{other})
	<-r.table.Changed()
	r.table.Reach()
	r.table.Reach()
	counts(0, 1)

	host := Container{ID: "host", Cgroups: of.Cgroups, PID: 0}
	r.table.Containers([]Container{of, host})
	<-r.table.Changed()
	r.table.Reach()
	counts(1, 0)
	p.in.Write([]byte{1})
	p.expect(t, "sent\n")
	if info := r.who(t, "one"); info.ContainerID != "one" {
		t.Errorf("the packet is of %+v", info)
	}

	p.stop() // this ends the namespace; a runtime reports it later
	for end := time.Now().Add(5 * time.Second); r.table.alive() &&
		time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	r.table.Reach()
	counts(0, 1)
	again, of := apart(t, r, "one", c.StatsdPort) // it is started again
	r.table.Containers([]Container{of})
	r.table.Reach()
	counts(1, 0)
	again.in.Write([]byte{1})
	again.expect(t, "sent\n")
	if _, err := r.table.Remove("one"); err != nil {
		t.Fatal(err)
	}
	r.table.Reach()
	counts(0, 0)
}

// alive reports whether a served network namespace still exists.
func (t *Table) alive() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for ino, a := range t.attach {
		if ino != t.own && a.Netns() == ino {
			return true
		}
	}
	return false
}

// A failure is logged once, however often entering is tried again.
func TestReachLogsOnce(t *testing.T) {
	var log strings.Builder
	r := newFixture(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	r.add(t, launch.Request{ContainerID: "a"})
	r.table.Containers([]Container{{ID: "a", Cgroups: []string{"/daytwo-test-nowhere"}, PID: os.Getpid()}})
	for range 5 {
		r.table.Reach()
	}
	if n := strings.Count(log.String(), "cannot be received on a container"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
}

// Packets that a container sends in its own network namespace while the collector
// restarts are queued, as are those that it sends before a runtime has reported it
// again.
func TestKernelReachSurvives(t *testing.T) {
	store := &keeper{}
	socket := -1
	r := &fixture{}
	c := Config{Store: store, File: t.TempDir() + "/e.json", Socket: func(at netip.AddrPort) (fd int, err error) {
		if socket >= 0 {
			return socket, nil
		}
		l, err := r.in.ListenUDP(intake.UDP{Address: at, OriginalPort: true})
		if err == nil {
			err = l.Control(func(f int) error { fd = f; return nil })
		}
		return fd, err
	}}
	newFixtureIn(t, r, c)
	e := r.add(t, launch.Request{ContainerID: "one"})
	p, of := apart(t, r, "one", e.StatsdPort)
	r.table.Containers([]Container{of})
	r.table.Reach()
	if len(store.kept) != 2 {
		t.Fatalf("kept: %v", store.kept)
	}
	// The next table uses the same socket, as if it had come back from the store.
	r.in.Listeners()[4].Control(func(fd int) error { socket = dup(t, fd); return nil })
	t.Cleanup(func() { unix.Close(socket) })
	old := r.table
	old.CloseAll()
	store.start(t)
	c.Ports = old.c.Ports
	table, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.table = table
	r.mu.Unlock()
	if n := table.Counts(); n.Namespaces != 1 || len(store.came) != 0 {
		t.Errorf("%+v; not taken: %v", n, store.came)
	}
	p.in.Write([]byte{1}) // no runtime has reported it again yet
	p.expect(t, "sent\n")
	if info := r.who(t, "one"); info.ContainerID != "one" {
		t.Errorf("the packet is of %+v", info)
	}
	table.Reach()
	if n := table.Counts(); n.Namespaces != 1 {
		t.Errorf("before the runtimes have said what there is: %+v", n)
	}
	table.start = table.start.Add(-2 * adoptedFor)
	table.Reach()
	if n := table.Counts(); n.Namespaces != 0 || len(store.kept) != 1 {
		t.Errorf("later, and unnamed: %+v, kept %v", n, store.kept)
	}
	for name := range store.kept {
		store.Remove(name)
	}
}

func TestWithin(t *testing.T) {
	file := []byte("4:memory:/k/a/init\n1:name=systemd:/other\n0::/\n")
	for cgroup, want := range map[string]bool{"/k/a": true, "/k/a/init": true, "/k": true, "/k/a/in": false, "/": false,
		"/other": true, "": false} {
		if got := within(file, []string{"/no", cgroup}); got != want {
			t.Errorf("%q: %v", cgroup, got)
		}
	}
}
