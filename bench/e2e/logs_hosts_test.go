package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// logHosts are two hosts with networks of their own: the test's has NATS, the relay and
// all clients, the node's has the collector. The containers have no network.
type logHosts struct {
	*testing.T
	journald  *rig.Journald
	node      *rig.Netns
	collector *rig.Daytwo
	relay     *rig.Daytwo
}

const logNode = "node-of-logs"

// newLogHosts starts them, in namespaces of the test; environment is the collector's.
func newLogHosts(t *testing.T, journald *rig.Journald, environment ...string) *logHosts {
	t.Helper()
	h := &logHosts{T: t, journald: journald, node: rig.NewNetns(t)}
	if err := rig.LoopbackUp(); err != nil {
		t.Fatal(err)
	}
	rig.IP(t, "link add d2relay type veth peer name d2node netns "+h.node.Path())
	rig.IP(t, "address add 10.77.0.1/24 dev d2relay")
	rig.IP(t, "link set d2relay up")
	h.node.IP(t, "address add 10.77.0.2/24 dev d2node")
	h.node.IP(t, "link set d2node up")
	c := newCluster(t)
	_, port, _ := strings.Cut(c.nats, ":")
	// Beyond loopback there must be a user, and TLS.
	user := &server.User{Username: "fleet", Password: rig.UniqueName("secret")}
	authority := rig.NewAuthority(t)
	pair := authority.Issue("10.77.0.1", time.Now().Add(time.Hour))
	cert, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	c.flags = []string{"--nats-ca", authority.CA}
	if c.srv, err = embedded.Start(embedded.Options{StoreDir: filepath.Join(c.dir, "nats"), Listen: "10.77.0.1:" + port,
		Users: []*server.User{user},
		TLS:   &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}}); err != nil {
		t.Fatal(err)
	}
	c.nats = user.Username + ":" + user.Password + "@10.77.0.1:" + port
	h.collector = rig.Start(t, rig.Options{Program: "collector", Netns: h.node, Env: environment,
		Args: append([]string{"--nats", "nats://" + c.nats, "--agent-id", logNode, "--interval", "500ms", "--no-bpf"},
			c.flags...)})
	h.relay = c.relay(t)
	h.relay.WaitReady(t)
	past(t, h.relay.Relay, 2, rig.Ready)
	return h
}

// command is a client command of the program.
func (h *logHosts) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, rig.Binary(h), append(args, "--url", h.relay.Relay.URL, "--token",
		h.relay.Relay.Token)...)
}

// run runs a client command of the program, and returns what it printed and its status.
func (h *logHosts) run(args ...string) (stdout, stderr string, status int) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 30*time.Second)
	defer cancel()
	cmd := h.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		h.Fatalf("daytwo %q: %v", args, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// prints fails unless a command prints exactly this, with this status.
func (h *logHosts) prints(want string, status int, args ...string) {
	h.Helper()
	if out, errs, got := h.run(args...); out != want || got != status {
		h.Errorf("daytwo %q: status %d, want %d; printed %d bytes %.200q, want %d %.200q\n%s",
			args, got, status, len(out), out, len(want), want, errs)
	}
}

// eventually is prints of what takes a moment until it is known.
func (h *logHosts) eventually(want string, args ...string) {
	h.Helper()
	rig.Eventually(h, 20*time.Second, func() error {
		out, errs, status := h.run(args...)
		if out != want || status != 0 {
			return fmt.Errorf("daytwo %q: status %d, %d bytes %.200q, want %d %.200q\n%s",
				args, status, len(out), out, len(want), want, errs)
		}
		return nil
	})
}

// talker prints to both of its streams, a line of $LONG bytes too, and again when told to.
const talker = `echo one; echo two >&2; head -c $LONG /dev/zero | tr '\0' x; echo; echo; echo ü $'\t'.
while ! [ -e /tmp/go ]; do sleep 0.05; done; echo later; while ! [ -e /tmp/end ]; do sleep 0.05; done; echo bye`

// What a container prints is in 'daytwo task log' of a relay on another host, by each way
// that its runtime may log, and in the DC/OS command line.
func TestLogsFromAnotherHost(t *testing.T) {
	t.Parallel()
	rig.Binary(t)
	rig.DCOS(t, "http://127.0.0.1:1", "t") // installs it, which needs the network
	rig.InNamespaces(t, rig.Mount|rig.Network, func(t *testing.T) {
		journald := rig.StartJournald(t, "")
		docker, podman := rig.Docker(t), rig.Podman(t)
		rig.Serve(t, podman)
		h := newLogHosts(t, journald, "DOCKER_HOST=unix://"+docker.Socket, "CONTAINER_HOST=unix://"+podman.Socket)
		t.Run("containers", func(t *testing.T) {
			for _, c := range []struct {
				engine *rig.Engine
				driver string
			}{{docker, "json-file"}, {docker, "journald"}, {podman, "k8s-file"}, {podman, "journald"}} {
				t.Run(c.engine.Name+" "+c.driver, func(t *testing.T) {
					t.Parallel()
					h := *h
					h.T = t
					h.container(c.engine, c.driver)
				})
			}
		})
		t.Run("run", func(t *testing.T) {
			h := *h
			h.T = t
			h.tasks()
		})
		h.collector.Stop(t)
		h.relay.Stop(t)
	})
}

func (h *logHosts) container(engine *rig.Engine, driver string) {
	name := rig.UniqueName("talker-" + driver)
	long := 40 << 10
	c := engine.Run(h, rig.Spec{Name: name, Args: []string{"--log-driver", driver}, Cmd: []string{"/bin/sh", "-c", talker},
		Env: map[string]string{"LONG": strconv.Itoa(long)}})
	stdout := "one\n" + strings.Repeat("x", long) + "\n\nü \t.\n"
	h.eventually(stdout, "task", "log", name, "stdout")
	h.prints("two\n", 0, "task", "log", name, "stderr")
	h.prints("ü \t.\n", 0, "task", "log", name, "-n", "1", "stdout")
	h.prints("one\n", 0, "log", "--task", name, "-o", "cat", "--all", "-g", "^one$")
	if out, errs, status := h.run("task", "log", name, "--all"); status != 0 || len(out) != len(stdout)+len("two\n") {
		h.Errorf("both streams: status %d, %.200q %s", status, out, errs)
	}

	follow := h.follow(h, "task", "log", "-f", "-n", "2", name, "stdout")
	follow.next("", "ü \t.")
	begun := time.Now()
	c.Exec(h, "touch", "/tmp/go")
	follow.next("later")
	h.Logf("%s: the line is at the client %v after 'touch' was asked for", name, time.Since(begun))
	h.dcos(name, c)
	c.Exec(h, "touch", "/tmp/end")
	follow.next("for dcos too", "bye")
	c.Stop()
	if driver == "journald" { // what has ended is known by its name
		h.prints(stdout+"later\nfor dcos too\nbye\n", 0, "task", "log", name, "stdout")
		h.prints("two\nfor dcos\n", 0, "task", "log", name, "stderr", "--all")
		return
	}
	rig.Eventually(h, 20*time.Second, func() error { // its files are gone
		if out, errs, status := h.run("task", "log", name); status != 1 || out != "" ||
			!strings.Contains(errs, "file does not exist --\n") {
			return fmt.Errorf("of a removed container: status %d, %.300q %s", status, out, errs)
		}
		return nil
	})
}

// dcos lets the unmodified DC/OS command line read and follow the log of the container.
func (h *logHosts) dcos(name string, c *rig.Container) {
	h.Helper()
	cli := rig.DCOS(h, h.relay.Relay.URL, h.relay.Relay.Token)
	// The log routes ask the node, the state document shows its newest tick, which may be a tick behind.
	rig.Eventually(h, 20*time.Second, func() error {
		out, errs, status := cli.Run(h, "task", "ls", name)
		if status != 0 || !strings.Contains(out, "stdout") || !strings.Contains(out, "stderr") {
			return fmt.Errorf("dcos task ls %s: status %d, %s%s", name, status, out, errs)
		}
		return nil
	})
	follow := cli.Follow(h, "task", "log", "--follow", "--lines=1", name)
	for line := ""; !strings.HasSuffix(line, "later\n"); {
		var err error
		if line, err = follow.ReadString('\n'); err != nil || strings.TrimSpace(line) != "" &&
			!strings.HasSuffix(line, "later\n") {
			h.Fatalf("dcos task log --follow: %q, %v", line, err)
		}
	}
	c.Exec(h, "sh", "-c", "echo for dcos >/proc/1/fd/2; echo for dcos too >/proc/1/fd/1")
	if line, err := follow.ReadString('\n'); err != nil || !strings.HasSuffix(line, "for dcos too\n") {
		h.Errorf("dcos task log --follow: %q, %v", line, err)
	}
	want(h.T, cli, []string{"two", "for dcos"}, "task", "log", name, "stderr")
}

// tasks is what 'daytwo run' logs.
func (h *logHosts) tasks() {
	name := rig.UniqueName("job")
	binary := "a\x00b\xff\xfe\r\n\n" + strings.Repeat("long ", 20_000) + "\nlast\n"
	file := filepath.Join(h.TempDir(), "binary")
	if err := os.WriteFile(file, []byte(binary), 0o644); err != nil {
		h.Fatal(err)
	}
	run := func(args ...string) {
		h.Helper()
		cmd := h.node.Command(rig.Binary(h), append([]string{"run", "--socket",
			filepath.Join(h.collector.Data, launch.SocketName),
			"--name", name, "--"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			h.Fatalf("daytwo run: %v: %s", err, out)
		}
	}
	run("sh", "-c", "cat "+file+"; echo failed >&2")
	h.journald.Sync()
	h.prints(binary, 0, "task", "log", name, "stdout")
	h.prints("failed\n", 0, "task", "log", name, "stderr")
	h.prints("last\n", 0, "log", "--task", name, "-o", "cat", "-g", "last")
	h.eventually("last\n", "log", "--agent", logNode, "TASK_NAME="+name, "-o", "cat", "-g", "last")
	if out, errs, status := h.run("task", "log", name, "-o", "export"); status != 0 ||
		strings.Count(out, "__CURSOR=") != 5 {
		h.Errorf("-o export: status %d, %.300q, %s", status, out, errs)
	}

	// A unit's entries.
	unit := h.unit("<3>unit 0\n<4>unit 1\n<5>unit 2\n")
	h.eventually("unit 0\nunit 1\nunit 2\n", "node", "log", logNode, "-u", unit, "-o", "cat")
	h.prints("unit 2\nunit 1\n", 0, "node", "log", logNode, "_SYSTEMD_UNIT="+unit, "-o", "cat", "-r", "-n", "2")
	h.prints("unit 0\n", 0, "node", "log", logNode, "--filter", "_SYSTEMD_UNIT:"+unit, "-o", "cat", "-p", "err")
	cli := rig.DCOS(h, h.relay.Relay.URL, h.relay.Relay.Token)
	want(h.T, cli, []string{"unit 2"}, "node", "log", "--mesos-id="+logNode, "--lines=1", "--filter=_SYSTEMD_UNIT:"+unit)
	want(h.T, cli, []string{"unit 1", "unit 2"}, "node", "log", "--mesos-id="+logNode, "--component="+unit, "--lines=2")

	// Exit statuses.
	for _, c := range []struct {
		status int
		args   []string
	}{
		{1, []string{"task", "log", "nobody-" + name}},
		{1, []string{"node", "log", "nobody-" + name}},
		{1, []string{"node", "log", logNode, "-u", "nobody-" + name}},
		{1, []string{"log", "--task", "nobody-" + name}},
		{2, []string{"task", "log", name, "stdin"}},
		{2, []string{"task", "log"}},
		{2, []string{"task", "log", name, "--since", "whenever"}},
		{2, []string{"log", "-o", "yaml"}},
		{2, []string{"log", "-g", "("}},
	} {
		out, errs, status := h.run(c.args...)
		if status != c.status || out != "" || errs == "" || strings.Contains(errs, "panic") {
			h.Errorf("daytwo %q: status %d, want %d: %s%s", c.args, status, c.status, out, errs)
		}
	}

	// A task that runs again is followed on, by its name.
	follow := h.follow(h, "log", "-f", "-n", "0", "-o", "cat", "--task", name+"*")
	rig.Eventually(h, 20*time.Second, func() error { // it follows once its first line comes
		run("echo", "again")
		select {
		case line := <-follow.lines:
			if line != "again\n" {
				return fmt.Errorf("%q", line)
			}
			return nil
		case <-time.After(2 * time.Second):
			return errors.New("no line")
		}
	})
	if status := follow.stop(); status != 0 && status != 130 {
		h.Errorf("interrupted: status %d\n%s", status, follow.err.String())
	}
}

// unit lets a service log these lines, until the test ends, and returns its name.
func (h *logHosts) unit(lines string) string {
	h.Helper()
	cgroup := unitCgroup(h.T)
	cmd := exec.Command(rig.Binary(h), "log-pipe", "--level-prefix")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(cgroup.Fd())}
	in, err := cmd.StdinPipe()
	if err != nil {
		h.Fatal(err)
	}
	rig.StartProcess(h, cmd)
	h.Cleanup(func() { in.Close() })
	if _, err := io.WriteString(in, lines); err != nil {
		h.Fatal(err)
	}
	return filepath.Base(cgroup.Name())
}
