package e2e

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// Ports in the network of the container, and what is there.
const (
	upperPort  = 80 // answers a whole request in capitals
	sixPort    = 81 // the same, on ::1 alone
	resetPort  = 82 // resets
	streamPort = 83 // sends for ever
	echoPort   = 84
	nonePort   = 85
)

// forwardFixture forwards ports of a container over a relay and a collector of their own.
type forwardFixture struct {
	*sessionFixture
	docker *rig.Engine
	ports  map[int]string // of the container, with the address here
	errs   *rig.Buffer
	open   atomic.Int64 // connections at the servers
}

// Connections go through to a container without any way in, end alone, and go on over a restart of
// the relay; after the container's restart new ones go to the one that is there.
func TestPortForward(t *testing.T) {
	program, docker := rig.Binary(t), rig.Docker(t)
	cluster := newCluster(t)
	rig.StartNATS(t, filepath.Join(cluster.dir, "nats"), cluster.nats)
	policy := filepath.Join(cluster.dir, "policy.yaml")
	const rules = `rules:
- {subjects: user:web, role: viewer}
- {subjects: user:web, resources: daytwo:port-forward, actions: create, where: {command: [connect 80, connect 81]}}
`
	if err := os.WriteFile(policy, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	relay := rig.StartReady(t, rig.Options{Program: "relay", Data: filepath.Join(cluster.dir, "relay"),
		Args: []string{"--nats", "nats://" + cluster.nats, "--policy", policy}})
	collector := rig.StartReady(t, rig.Options{Program: "collector", Data: filepath.Join(cluster.dir, "collector"),
		Args: []string{"--nats", "nats://" + cluster.nats, "--interval", "300ms", "--no-bpf", "--statsd", "none", "--journal",
			"none", "--session-keys", filepath.Join(relay.Data, "session-key.pem.pub")},
		Env: []string{"DOCKER_HOST=unix://" + docker.Socket}})
	c := docker.Run(t, rig.Spec{Name: rig.UniqueName("forward"), Cmd: []string{"/bin/sleep", "600"},
		Args: []string{"--sysctl", "net.ipv6.conf.all.disable_ipv6=0"}}) // which docker disables
	f := &forwardFixture{docker: docker, ports: map[int]string{}, errs: new(rig.Buffer),
		sessionFixture: &sessionFixture{T: t, program: program, container: c.Name, d: relay}}
	stop := f.serve(c.PID)
	rig.Eventually(t, 20*time.Second, func() error {
		if out, errs, status := f.run("", "task", "exec", c.Name, "true"); status != 0 {
			return fmt.Errorf("status %d, %s%s", status, out, errs)
		}
		return nil
	})
	cmd := f.start()
	run := func(name string, test func(f *forwardFixture)) {
		t.Run(name, func(t *testing.T) {
			s := *f.sessionFixture
			s.T = t
			test(&forwardFixture{sessionFixture: &s, docker: docker, ports: f.ports, errs: f.errs})
		})
	}
	run("requests", (*forwardFixture).requests)
	run("aborted", func(*forwardFixture) { f.aborted(t) })
	run("stdio", (*forwardFixture).stdio)
	run("policy", (*forwardFixture).policy)
	run("audit", func(s *forwardFixture) {
		for name, log := range map[string]string{"relay": readAll(s.T, filepath.Join(relay.Data, "audit")),
			"node": readAll(s.T, filepath.Join(collector.Data, "node-audit"))} {
			if !strings.Contains(log, "connect 80 81 82 83 84 85") {
				s.Errorf("the %s's audit log does not tell of the ports: %s", name, log)
			}
		}
	})
	run("relay restarts", func(s *forwardFixture) { s.relayRestarts(func() { relay.Kill(); relay.Restart(t) }) })
	run("container restarts", func(s *forwardFixture) { s.containerRestarts(stop) })
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("after an interrupt: %v: %s", err, f.errs)
	}
	rig.Eventually(t, 10*time.Second, func() error {
		if left, _ := filepath.Glob("/sys/fs/cgroup/unified/docker/*/daytwo-session-*"); len(left) > 0 {
			return fmt.Errorf("left: %q", left)
		}
		return nil
	})
	c.Stop()
	collector.Stop(t)
	relay.Stop(t)
}

// start starts to forward, and waits until all ports are listened on.
func (f *forwardFixture) start() *exec.Cmd {
	f.Helper()
	cmd := exec.Command(f.program, "task", "port-forward", "--url", f.d.Relay.URL, "--token", f.d.Relay.Token, "--address",
		"127.0.0.1", f.container, ":80", ":81", ":82", ":83", ":84", ":85")
	f.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	out, err := cmd.StdoutPipe()
	if err != nil {
		f.Fatal(err)
	}
	cmd.Stderr = f.errs
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	for s := bufio.NewScanner(out); len(f.ports) < 6 && s.Scan(); {
		var address string
		var port int
		if _, err := fmt.Sscanf(s.Text(), "Forwarding from %s -> %d", &address, &port); err != nil {
			f.Fatalf("%q: %v", s.Text(), err)
		}
		f.ports[port] = address
	}
	if len(f.ports) < 6 {
		f.Fatalf("%v: %s", cmd.Wait(), f.errs)
	}
	go io.Copy(io.Discard, out)
	return cmd
}

// serve starts the servers in the network of a process.
func (f *forwardFixture) serve(pid int) (stop func()) {
	f.Helper()
	upper := func(c *net.TCPConn) {
		if b, err := io.ReadAll(c); err == nil {
			io.WriteString(c, strings.ToUpper(string(b)))
		}
	}
	listeners := map[string]func(c *net.TCPConn){
		fmt.Sprint("127.0.0.1:", upperPort): upper,
		fmt.Sprint("[::1]:", sixPort):       upper,
		fmt.Sprint("127.0.0.1:", resetPort): func(c *net.TCPConn) { c.Read(make([]byte, 1)); c.SetLinger(0) },
		fmt.Sprint("127.0.0.1:", streamPort): func(c *net.TCPConn) {
			chunk := make([]byte, 64<<10)
			for {
				if _, err := c.Write(chunk); err != nil {
					return
				}
			}
		},
		fmt.Sprint("127.0.0.1:", echoPort): func(c *net.TCPConn) { io.Copy(c, c) },
	}
	var all []net.Listener
	stop = func() {
		for _, l := range all {
			l.Close()
		}
	}
	f.Cleanup(func() { stop() })
	for address, serve := range listeners {
		var l net.Listener
		var err error
		if e := rig.NetnsOf(f, pid).Do(func() { l, err = net.Listen("tcp", address) }); e != nil || err != nil {
			f.Fatalf("listen on %s: %v, %v", address, e, err)
		}
		all = append(all, l)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				f.open.Add(1)
				go func() {
					defer f.open.Add(-1)
					serve(c.(*net.TCPConn))
					c.Close()
				}()
			}
		}()
	}
	return stop
}

// dial connects to a forwarded port.
func (f *forwardFixture) dial(port int) *net.TCPConn {
	f.Helper()
	c, err := net.Dial("tcp", f.ports[port])
	if err != nil {
		f.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	f.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// ask sends a request and its end, and returns the answer.
func (f *forwardFixture) ask(port int, request string) (string, error) {
	conn, err := net.Dial("tcp", f.ports[port])
	if err != nil {
		return "", err
	}
	c := conn.(*net.TCPConn)
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		return "", err
	}
	c.CloseWrite()
	b, err := io.ReadAll(c)
	return string(b), err
}

func (f *forwardFixture) requests() {
	long := strings.Repeat("some text. ", 100_000)
	for _, port := range []int{upperPort, sixPort} {
		for _, request := range []string{"x", long} {
			if got, err := f.ask(port, request); err != nil || got != strings.ToUpper(request) {
				f.Errorf("port %d: %d bytes, %v; want %d", port, len(got), err, len(request))
			}
		}
	}
	for _, port := range []int{resetPort, nonePort} {
		c := f.dial(port)
		io.WriteString(c, "x")
		if b, err := io.ReadAll(c); !errors.Is(err, unix.ECONNRESET) {
			f.Errorf("port %d: %q, %v", port, b, err)
		}
	}
	rig.Eventually(f, 5*time.Second, func() error {
		if text := f.errs.String(); !strings.Contains(text, "port 85: nobody listens there") {
			return fmt.Errorf("standard error: %s", text)
		}
		return nil
	})
}

// aborted aborts hundreds of requests, again and again.
func (f *forwardFixture) aborted(t *testing.T) {
	for round := range 3 {
		var work sync.WaitGroup
		for i := range 500 {
			work.Go(func() {
				c, err := net.Dial("tcp", f.ports[streamPort])
				if err != nil {
					t.Error(err)
					return
				}
				c.SetDeadline(time.Now().Add(30 * time.Second))
				if i%4 != 0 {
					io.ReadFull(c, make([]byte, 100))
				}
				if i%2 == 0 {
					c.(*net.TCPConn).SetLinger(0)
				}
				c.Close()
			})
		}
		work.Wait()
		rig.Eventually(t, 30*time.Second, func() error {
			if n := f.open.Load(); n != 0 {
				return fmt.Errorf("round %d: %d connections are left at the server", round, n)
			}
			return nil
		})
		if got, err := f.ask(upperPort, "next"); err != nil || got != "NEXT" {
			t.Fatalf("round %d: %q, %v", round, got, err)
		}
	}
}

// stdio is for ssh's ProxyCommand.
func (f *forwardFixture) stdio() {
	out, errs, status := f.run("typed", "task", "port-forward", "--stdio", f.container, strconv.Itoa(upperPort))
	if out != "TYPED" || status != 0 {
		f.Errorf("status %d, %q, %s", status, out, errs)
	}
	out, errs, status = f.run("typed", "task", "port-forward", "--stdio", f.container, strconv.Itoa(nonePort))
	if out != "" || status != 1 || !strings.Contains(errs, "nobody listens there") {
		f.Errorf("status %d, %q, %s", status, out, errs)
	}
}

// policy checks that each port is decided by itself.
func (f *forwardFixture) policy() {
	token, err := exec.CommandContext(f.Context(), f.program, "auth", "token", "--data", f.d.Data, "--for", "web").Output()
	if err != nil {
		f.Fatal(err)
	}
	s := *f.sessionFixture
	d := *f.d
	d.Relay.Token = strings.TrimSpace(string(token))
	s.d = &d
	for _, c := range []struct {
		port   string
		status int
	}{{"80", 0}, {"81", 0}, {"84", 1}, {"080", 1}} {
		out, errs, status := s.run("hello", "task", "port-forward", "--stdio", f.container, c.port)
		if c.port == "080" { // the same port, and the policy knows it
			c.status = 0
		}
		if status != c.status || (status == 0) != (out == "HELLO") ||
			status != 0 && !strings.Contains(errs, "may not create daytwo:port-forward") {
			f.Errorf("port %s: status %d, %q, %s", c.port, status, out, errs)
		}
	}
	out, errs, status := s.run("", "task", "port-forward", f.container, ":80", ":84")
	if status != 1 || !strings.Contains(errs, "may not create daytwo:port-forward") {
		f.Errorf("one port of two: status %d, %s%s", status, out, errs)
	}
	if out, errs, status := s.run("", "task", "exec", f.container, "true"); status != 1 {
		f.Errorf("who may forward may also run commands: status %d, %s%s", status, out, errs)
	}
}

// relayRestarts shows that a connection lives on, with each of its bytes.
func (f *forwardFixture) relayRestarts(restart func()) {
	c := f.dial(echoPort)
	c.SetDeadline(time.Now().Add(2 * time.Minute))
	sent, got := sha256.New(), sha256.New()
	const chunk, chunks = 32 << 10, 1500
	received := make(chan error, 1)
	go func() {
		_, err := io.Copy(got, c)
		received <- err
	}()
	b := make([]byte, chunk)
	for i := range chunks {
		for j := range b {
			b[j] = byte(i * j)
		}
		sent.Write(b)
		if _, err := c.Write(b); err != nil {
			f.Fatalf("after %d chunks: %v: %s", i, err, f.errs)
		}
		if i == chunks/3 {
			restart()
		}
	}
	c.CloseWrite()
	if err := <-received; err != nil {
		f.Fatal(err)
	}
	if string(sent.Sum(nil)) != string(got.Sum(nil)) {
		f.Error("other bytes came back")
	}
}

// containerRestarts shows that it is told, and that new connections go to the new one.
func (f *forwardFixture) containerRestarts(stop func()) {
	c := f.dial(echoPort)
	io.WriteString(c, "x")
	io.ReadFull(c, make([]byte, 1))
	stop()
	docker := func(args ...string) string {
		out, err := exec.Command("docker", append([]string{"-H", "unix://" + f.docker.Socket}, args...)...).CombinedOutput()
		if err != nil {
			f.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	docker("restart", "-t", "0", f.container)
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
		f.Errorf("a connection to the container of before: %v", err)
	}
	pid, err := strconv.Atoi(docker("inspect", "-f", "{{.State.Pid}}", f.container))
	if err != nil {
		f.Fatal(err)
	}
	f.serve(pid)
	rig.Eventually(f, 30*time.Second, func() error {
		if got, err := f.ask(upperPort, "again"); got != "AGAIN" {
			return fmt.Errorf("%q, %v: %s", got, err, f.errs)
		}
		return nil
	})
	for _, want := range []string{"the container ended", "forwarding again"} {
		if !strings.Contains(f.errs.String(), want) {
			f.Errorf("standard error does not say %q: %s", want, f.errs)
		}
	}
}
