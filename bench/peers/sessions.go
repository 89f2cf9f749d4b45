package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/client"
)

const sessionURL = "http://127.0.0.1:18401"

// benchSessions runs commands in a container through collector, NATS and relay, and by the
// commands of the runtimes.
func benchSessions(r *report) error {
	return withContainer(func(c *benchContainer) error {
		return withSessions(c, func(f *sessionFleet) error {
			for _, part := range []func(*report) error{f.short, f.echo, f.many, f.bulk} {
				if err := part(r); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// benchContainer is a container of Docker, which is one of containerd and runc too, and one of
// podman.
type benchContainer struct {
	dir, docker, podman string // docker, podman: ids
	pid                 string // of the first process of the former
	daemon              *exec.Cmd
}

// benchImage is the name of an image of busybox.
const benchImage = "bench:sessions"

func withContainer(body func(*benchContainer) error) error {
	dir, err := os.MkdirTemp("", "daytwo-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := &benchContainer{dir: dir}
	image, err := busyboxImage(dir)
	if err != nil {
		return err
	}
	c.daemon = exec.Command("dockerd", "--data-root", dir+"/d", "--exec-root", dir+"/x", "--pidfile", dir+"/pid",
		"-H", "unix://"+c.socket(), "--iptables=false", "--ip6tables=false", "--bridge=none")
	c.daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := c.daemon.Start(); err != nil {
		return err
	}
	defer func() {
		c.daemon.Process.Signal(syscall.SIGTERM)
		c.daemon.Wait()
	}()
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		if err = c.dockerCommand("import", image, benchImage).Run(); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("dockerd did not come up: %w", err)
	}
	forever := []string{"/bin/sleep", "100000"}
	if c.docker, err = text(c.dockerCommand(append([]string{"run", "-d", "--network", "none", benchImage},
		forever...)...)); err != nil {
		return err
	}
	defer c.dockerCommand("rm", "-f", c.docker).Run()
	if c.pid, err = text(c.dockerCommand("inspect", "-f", "{{.State.Pid}}", c.docker)); err != nil {
		return err
	}
	if c.podman, err = text(exec.Command("podman", append(c.podmanFlags("run", "-d", "--network", "none", "--ulimit",
		"nofile=1024:1024", "--ulimit", "nproc=4096:4096", "--rootfs", dir+"/rootfs"), forever...)...)); err != nil {
		return err
	}
	defer exec.Command("podman", c.podmanFlags("rm", "-f", "-t", "0", c.podman)...).Run()
	return body(c)
}

func (c *benchContainer) socket() string { return c.dir + "/s" }

func (c *benchContainer) dockerCommand(args ...string) *exec.Cmd {
	return exec.Command("docker", append([]string{"-H", "unix://" + c.socket()}, args...)...)
}

func (c *benchContainer) podmanFlags(args ...string) []string {
	return append([]string{"--root", c.dir + "/pr", "--runroot", c.dir + "/prr", "--tmpdir", c.dir + "/pt",
		"--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", "runc"}, args...)
}

// busyboxImage makes a root directory of busybox, and an archive of it.
func busyboxImage(dir string) (archive string, err error) {
	archive = dir + "/image.tar"
	script := `set -e; mkdir -p "$1"/bin "$1"/proc "$1"/sys "$1"/dev "$1"/etc "$1"/tmp
		cp "$(command -v busybox)" "$1"/bin/busybox
		for i in $(busybox --list); do [ $i = busybox ] || ln -sf busybox "$1"/bin/$i; done
		echo root:x:0:0:root:/root:/bin/sh >"$1"/etc/passwd; tar -C "$1" -cf "$2" .`
	out, err := exec.Command("sh", "-c", script, "sh", dir+"/rootfs", archive).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("an image of busybox: %w: %s", err, out)
	}
	return archive, nil
}

// text runs a command and returns what it prints.
func text(cmd *exec.Cmd) (string, error) {
	var errs bytes.Buffer
	cmd.Stderr, cmd.WaitDelay = &errs, 2*time.Second
	out, err := cmd.Output()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, errs.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// sessionFleet is a collector, a relay, and between them the NATS server of this process.
type sessionFleet struct {
	c                *benchContainer
	collector, relay *exec.Cmd
	data, token      string
	relayClient      *client.Client
	nats             *nats.Conn
}

func withSessions(c *benchContainer, body func(*sessionFleet) error) error {
	if daytwoBinary == "" {
		return errors.New("no binary: build daytwo and give -daytwo")
	}
	f := &sessionFleet{c: c, data: c.dir + "/daytwo"}
	srv, err := embedded.Start(embedded.Options{StoreDir: f.data + "/nats", Listen: "127.0.0.1:14223"})
	if err != nil {
		return err
	}
	defer srv.Close()
	if f.nats, err = bus.Connect(bus.ConnectOptions{URLs: "nats://127.0.0.1:14223", Name: "bench"}); err != nil {
		return err
	}
	defer f.nats.Close()
	program, err := filepath.Abs(daytwoBinary)
	if err != nil {
		return err
	}
	common := []string{"--nats", "nats://127.0.0.1:14223", "--log-level", "warn"}
	f.relay = exec.Command(program, append([]string{"relay", "--data", f.data + "/relay", "--listen",
		strings.TrimPrefix(sessionURL, "http://")}, common...)...)
	f.collector = exec.Command(program, append([]string{"collector", "--data", f.data + "/collector", "--metrics",
		"127.0.0.1:16110", "--agent-id", "bench", "--session-keys", f.data + "/relay/session-key.pem.pub"}, common...)...)
	f.collector.Env = append(os.Environ(), "DOCKER_HOST=unix://"+c.socket())
	for _, cmd := range []*exec.Cmd{f.relay, f.collector} {
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		if err := cmd.Start(); err != nil {
			return err
		}
		defer func() {
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
		}()
		time.Sleep(time.Second) // the relay makes its key
	}
	for range 300 {
		time.Sleep(100 * time.Millisecond)
		token, err := os.ReadFile(f.data + "/relay/token")
		if err != nil {
			continue
		}
		f.token = strings.TrimSpace(string(token))
		if f.relayClient, err = client.New(sessionURL, f.token); err != nil {
			return err
		}
		if err := f.client("task", "exec", c.docker, "/bin/true").Run(); err == nil {
			return body(f)
		}
	}
	out, _ := f.client("task", "exec", c.docker, "/bin/true").CombinedOutput()
	return fmt.Errorf("no session can be opened: %s", out)
}

func (f *sessionFleet) client(args ...string) *exec.Cmd {
	return exec.Command(daytwoBinary, append(args[:2:2], append([]string{"--url", sessionURL, "--token", f.token},
		args[2:]...)...)...)
}

// peer is a way to run a command in a container.
type peer struct {
	name string
	cmd  func(args ...string) *exec.Cmd
}

func (f *sessionFleet) peers() []peer {
	c, pid := f.c, f.c.pid
	with := func(name string, head ...string) func(...string) *exec.Cmd {
		return func(args ...string) *exec.Cmd {
			return exec.Command(name, append(head[:len(head):len(head)], args...)...)
		}
	}
	id := 0
	return []peer{
		{"daytwo task exec, through relay, NATS and collector", func(args ...string) *exec.Cmd {
			return f.client(append([]string{"task", "exec", c.docker}, args...)...)
		}},
		{"docker exec", with("docker", "-H", "unix://"+c.socket(), "exec", c.docker)},
		{"ctr exec", func(args ...string) *exec.Cmd {
			id++
			return exec.Command("ctr", append([]string{"-a", c.dir + "/x/containerd/containerd.sock", "-n", "moby", "tasks",
				"exec", "--exec-id", fmt.Sprint("bench", id), c.docker}, args...)...)
		}},
		{"podman exec", with("podman", c.podmanFlags("exec", c.podman)...)},
		{"runc exec", with("runc", "--root", c.dir+"/x/runtime-runc/moby", "exec", c.docker)},
		{"nsenter, which gives up no rights", with("nsenter", "-t", pid, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--")},
	}
}

// timeout bounds one command of the benchmarks.
func timeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 5*time.Minute)
}
