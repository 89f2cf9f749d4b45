package sessions

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

// split is NATS, a collector and a relay as separate programs, with a proxy on each way between
// them, which can cut it: clients to the relay, the relay to NATS, the collector to NATS.
type split struct {
	*fixture
	nats                          *rig.NATS
	collector, relay              *rig.Daytwo
	toRelay, relayNATS, agentNATS *rig.Proxy
	pid                           int // first process of the task
}

// newSplit starts them, and a task.
func newSplit(t *testing.T) *split {
	t.Helper()
	rig.NeedRoot(t, "daytwo run")
	s := &split{fixture: &fixture{T: t, program: rig.Binary(t), task: rig.UniqueName("task")}}
	listen, relay := rig.FreePort(t), rig.FreePort(t)
	s.nats = rig.StartNATS(t, t.TempDir(), listen)
	s.relayNATS, s.agentNATS, s.toRelay = rig.NewProxy(t, listen), rig.NewProxy(t, listen), rig.NewProxy(t, relay)
	s.relay = rig.Start(t, rig.Options{Program: "relay", Args: []string{"--listen", relay, "--nats",
		"nats://" + s.relayNATS.Address}})
	s.relay.WaitReady(t)
	s.collector = rig.Start(t, rig.Options{Program: "collector", Args: []string{"--nats", "nats://" +
		s.agentNATS.Address, "--interval", "500ms", "--no-bpf", "--session-keys", filepath.Join(s.relay.Data,
		"session-key.pem.pub")}})
	s.collector.WaitReady(t)
	s.d = &rig.Daytwo{Data: s.collector.Data, Relay: s.relay.Relay}
	s.start(s.task)
	s.works()
	s.pid = s.taskPID()
	return s
}

// works waits until a session can be opened.
func (s *split) works() {
	s.Helper()
	rig.Eventually(s, 40*time.Second, func() error {
		if out, errs, status := s.run("", "task", "exec", s.task, "true"); status != 0 {
			return fmt.Errorf("status %d, %s%s", status, out, errs)
		}
		return nil
	})
}

// dial returns how a client opens a session through the proxy, and connects to it again.
func (s *split) dial(c session.Command) func(context.Context, sessionclient.Resume) (sessionclient.Conn, error) {
	return s.dialAt("http://"+s.toRelay.Address, c)
}

func (s *split) dialAt(url string, c session.Command) func(context.Context, sessionclient.Resume) (sessionclient.Conn,
	error) {
	s.Helper()
	relay, err := client.New(url, s.relay.Relay.Token)
	if err != nil {
		s.Fatal(err)
	}
	q := v1.SessionRequest{Session: session.NewID(), Container: s.task, Command: &c, Write: true, Rows: 24, Cols: 80}
	return func(ctx context.Context, r sessionclient.Resume) (sessionclient.Conn, error) {
		q.Client, q.Stdout, q.Stderr = r.Client, v1.SessionOutput(r.Out[wire.Stdout]), v1.SessionOutput(r.Out[wire.Stderr])
		if r.Again {
			q.Command = nil
		}
		conn, _, err := relay.DialSession(ctx, &q)
		return conn, err
	}
}

// used is what sessions use, and give back.
type used struct{ keepers, cgroups, collectorFDs, relayFDs int }

func (s *split) used() (u used) {
	s.Helper()
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range processes {
		if b, _ := os.ReadFile(p); strings.HasPrefix(string(b), "daytwo-session\x00") {
			if link, _ := os.Readlink(filepath.Join(filepath.Dir(p), "fd/5")); strings.HasPrefix(link, s.collector.Data) {
				u.keepers++
			}
		}
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", s.pid))
	if err != nil {
		s.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if f[2] == "/" {
			continue
		}
		out, _ := exec.Command("find", "/sys/fs/cgroup", "-path", "*"+f[2]+"/*", "-name", "daytwo-session-*").Output()
		u.cgroups += strings.Count(string(out), "\n")
	}
	count := func(pid int) int {
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			s.Fatal(err)
		}
		n := 0
		for _, fd := range fds { // a collector has files of all cgroups open, too
			link, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name()))
			if kind, _, ok := strings.Cut(link, ":["); ok && (kind == "socket" || kind == "pipe") ||
				strings.HasPrefix(link, "/memfd") || strings.HasSuffix(link, "[pidfd]") {
				n++
			}
		}
		return n
	}
	u.collectorFDs, u.relayFDs = count(s.collector.Cmd.Process.Pid), count(s.relay.Cmd.Process.Pid)
	return u
}

// taskPID returns the first process of the task.
func (s *split) taskPID() (pid int) {
	s.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, p := range all {
		if b, _ := os.ReadFile(p); strings.Contains(string(b), "TASK_NAME="+s.task+"\x00") {
			_, _ = fmt.Sscanf(p, "/proc/%d/environ", &pid)
			return pid
		}
	}
	s.Fatal("the task has no process")
	return 0
}

// givesBack waits until sessions have given back what they used.
func (s *split) givesBack(before used) {
	s.Helper()
	// A session whose client gave it up is kept for two minutes.
	rig.Eventually(s, 150*time.Second, func() error {
		after := s.used()
		if after.keepers > 0 || after.cgroups > 0 || after.collectorFDs > before.collectorFDs+8 ||
			after.relayFDs > before.relayFDs+8 {
			return fmt.Errorf("before: %+v\nafter:  %+v", before, after)
		}
		return nil
	})
}

// idleCut is a proxy that ends connections over which nothing has come for some time in one of
// the directions, as firewalls do.
func idleCut(t *testing.T, backend string, after time.Duration) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", backend)
			if err != nil {
				c.Close()
				continue
			}
			pump := func(to, from net.Conn) {
				defer to.Close()
				defer from.Close()
				buf := make([]byte, 4096)
				for {
					_ = from.SetReadDeadline(time.Now().Add(after))
					n, err := from.Read(buf)
					if err != nil {
						return
					}
					if _, err := to.Write(buf[:n]); err != nil {
						return
					}
				}
			}
			go pump(b, c)
			go pump(c, b)
		}
	}()
	return l.Addr().String()
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// memory returns the bytes of memory that the programs share with no other one; keepers are
// taken together.
func (s *split) memory() map[string]int {
	s.Helper()
	of := func(pid string) (n int) {
		b, _ := os.ReadFile("/proc/" + pid + "/smaps_rollup")
		for line := range strings.Lines(string(b)) {
			var kb int
			if _, err := fmt.Sscanf(line, "Anonymous: %d kB", &kb); err == nil {
				n += kb << 10
			}
		}
		return n
	}
	all := map[string]int{"relay": of(fmt.Sprint(s.relay.Cmd.Process.Pid)),
		"collector": of(fmt.Sprint(s.collector.Cmd.Process.Pid)), "keepers": 0}
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range processes {
		if b, _ := os.ReadFile(p); strings.HasPrefix(string(b), "daytwo-session\x00") {
			if link, _ := os.Readlink(filepath.Join(filepath.Dir(p), "fd/5")); strings.HasPrefix(link, s.collector.Data) {
				all["keepers"] += of(filepath.Base(filepath.Dir(p)))
			}
		}
	}
	return all
}
