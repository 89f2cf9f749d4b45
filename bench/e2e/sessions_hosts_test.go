package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/daytwo/daytwo/api/auth/users"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/bench/rig"
)

// sessionHosts are four hosts with networks of their own: the test's has NATS, the others a relay,
// a collector, and the clients. The container has no network.
type sessionHosts struct {
	*testing.T
	lab              *lab
	relay, collector *rig.Daytwo
	client           *rig.Netns
	home, url, ca    string
	container        *rig.Container
}

// sessionPolicy lets sue use sessions, and ann look at tasks.
const sessionPolicy = `rules:
- {name: the shop, subjects: user:sue, role: operator}
- {name: looks, subjects: user:ann, role: viewer}
`

func newSessionHosts(t *testing.T) *sessionHosts {
	t.Helper()
	docker := rig.Docker(t)
	h := &sessionHosts{T: t, lab: newLabNet(t), home: t.TempDir()}
	relayNet, relayAddress := h.lab.host()
	node, _ := h.lab.host()
	h.client, _ = h.lab.host()
	authority := rig.NewAuthority(t)
	h.ca = authority.CA
	issue := func(host string) rig.Pair { return authority.Issue(host, time.Now().Add(time.Hour)) }
	user := &server.User{Username: "fleet", Password: rig.UniqueName("secret")}
	pair := issue(labNet + "1")
	cert, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := embedded.Start(embedded.Options{StoreDir: t.TempDir(), Listen: labNet + "1:4222",
		Users: []*server.User{user}, TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	common := []string{"--nats", "nats://fleet:" + user.Password + "@" + labNet + "1:4222", "--nats-ca", authority.CA}
	pair = issue(relayAddress)
	h.url = "https://" + relayAddress + ":8400"
	h.relay = rig.Start(t, rig.Options{Program: "relay", Netns: relayNet, CA: authority.CA, Args: append([]string{
		"--listen", relayAddress + ":8400", "--policy", file(t, sessionPolicy), "--tls-cert", pair.Cert, "--tls-key",
		pair.Key}, common...)})
	store, err := users.Open(filepath.Join(h.relay.Data, users.FileName))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sue", "ann"} {
		if err := store.Add(name, nil, password); err != nil {
			t.Fatal(err)
		}
	}
	h.relay.WaitReady(t)
	h.collector = rig.Start(t, rig.Options{Program: "collector", Netns: node, Env: []string{"DOCKER_HOST=unix://" +
		docker.Socket}, Args: append([]string{"--agent-id", "n1", "--interval", "500ms", "--no-bpf", "--session-keys",
		filepath.Join(h.relay.Data, "session-key.pem.pub")}, common...)})
	h.container = docker.Run(t, rig.Spec{Name: rig.UniqueName("shop"), Cmd: []string{"/bin/sleep", "1000"}})
	return h
}

// as is a command of a user on the clients' host, who has nothing but the relay's address, the
// authority of its certificate, and what a login has left.
func (h *sessionHosts) as(ctx context.Context, user string, args ...string) *exec.Cmd {
	h.Helper()
	cmd := h.client.Command(rig.Binary(h), args...)
	cmd = exec.CommandContext(ctx, cmd.Args[0], cmd.Args[1:]...)
	cmd.Env = []string{"HOME=" + filepath.Join(h.home, user), "PATH=" + os.Getenv("PATH"), "DAYTWO_URL=" + h.url,
		"DAYTWO_CA=" + h.ca, "TERM=xterm"}
	return cmd
}

// run runs a command of a user.
func (h *sessionHosts) run(user string, args ...string) (out, errs string, status int) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), time.Minute)
	defer cancel()
	cmd := h.as(ctx, user, args...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		h.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// login signs a user in, and waits until the fleet is known.
func (h *sessionHosts) login(user string) {
	h.Helper()
	out, errs, status := h.run(user, "login", "--user", user, "--password-file", file(h.T, password+"\n"))
	if status != 0 {
		h.Fatalf("login: status %d, %s%s", status, out, errs)
	}
	rig.Eventually(h, 30*time.Second, func() error {
		if out, errs, _ := h.run(user, "task", "list"); !strings.Contains(out, h.container.Name) {
			return fmt.Errorf("no %s in the list of tasks: %s%s", h.container.Name, out, errs)
		}
		return nil
	})
}

// A user who knows the relay's address and has a login has a shell in a container of a node that
// their machine cannot reach, with the size of their terminal and the right exit code; it is the
// same shell after the relay was killed and started again. Who may not is denied, and both are
// in the audit logs.
func TestShellFromAnotherHost(t *testing.T) {
	rig.Binary(t)
	rig.InNamespaces(t, rig.Mount|rig.Network, func(t *testing.T) {
		h := newSessionHosts(t)
		h.login("sue")
		h.login("ann")
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		rig.Eventually(t, 20*time.Second, func() error {
			if out, errs, status := h.run("sue", "task", "exec", h.container.Name, "sh", "-c", "exit 7"); status != 7 {
				return fmt.Errorf("status %d, %s%s", status, out, errs)
			}
			return nil
		})
		shell := typeInto(t, h.as(ctx, "sue", "task", "exec", "-it", h.container.Name, "sh"), 57, 203)
		shell.keys("stty size; kept=in'side'; echo first $kept $$.\n")
		shell.expect("57 203")
		shell.expect("first inside ")
		_, rest, _ := strings.Cut(shell.screen.String(), "first inside ")
		pid, _, _ := strings.Cut(rest, ".")
		shell.resize(20, 70)
		rig.Eventually(t, 20*time.Second, func() error {
			shell.keys("stty size\n")
			time.Sleep(100 * time.Millisecond)
			if !strings.Contains(shell.screen.String(), "20 70") {
				return fmt.Errorf("the size did not change: %q", shell.screen.String())
			}
			return nil
		})
		h.relay.Kill()
		shell.expect("connecting again")
		h.relay.Restart(t)
		shell.keys("echo ag'ain' $kept $$.\n")
		shell.expect("again inside " + pid + ".")
		shell.keys("exit 42\n")
		shell.ends(42)

		out, errs, status := h.run("ann", "task", "exec", h.container.Name, "true")
		if status == 0 || out != "" ||
			!strings.Contains(errs, "ann may not create dcos:mesos:agent:nested_container_session") {
			t.Errorf("ann: status %d, %s%s", status, out, errs)
		}
		audit := func(args ...string) string {
			t.Helper()
			args = append([]string{"audit", "show", "-o", "json", "--data"}, args...)
			b, err := exec.CommandContext(ctx, rig.Binary(t), args...).Output()
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		if lines := audit(h.relay.Data, "--who", "ann", "--decision", "refused"); strings.Count(lines, "\n") != 1 ||
			!strings.Contains(lines, "nested_container_session") || !strings.Contains(lines, h.container.ID) {
			t.Errorf("the relay's audit log about ann: %s", lines)
		}
		h.collector.Stop(t)
		h.relay.Stop(t)
		if lines := audit(h.relay.Data, "--who", "sue"); !strings.Contains(lines, "code 42") {
			t.Errorf("the relay's audit log about sue: %s", lines)
		}
		node := filesIn(t, filepath.Join(h.collector.Data, "node-audit"))
		if !strings.Contains(node, "code 42") || !strings.Contains(node, `"sue"`) || strings.Contains(node, `"ann"`) {
			t.Errorf("the node's audit log: %s", node)
		}
	})
}

// filesIn returns what the files of a directory have.
func filesIn(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
