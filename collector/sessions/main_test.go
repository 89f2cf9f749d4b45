package sessions

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/sessionrpc"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/sessions/sealed"
)

const (
	cluster = "default"
	agent   = "n1"
)

// The test binary is also a collector that can be killed.
func TestMain(m *testing.M) {
	if os.Args[0] == "collector" {
		os.Exit(collector())
	}
	if _, err := sealed.Helper(); err != nil { // it stays open
		panic(err)
	}
	if _, err := sealed.Toolbox(); err != nil {
		panic(err)
	}
	os.Exit(rig.Main(m))
}

// node is what a collector of the tests is told.
type node struct {
	NATS, Dir  string
	Container  Container
	Keys       []ed25519.PublicKey
	Max        int
	Orphaned   time.Duration
	Limits     session.Limits
	Containers func(id string) (Container, error) `json:"-"`
	Policy     string                             // file of the node's own policy
	Labels     []frame.Label                      // of the container
}

// run answers for the sessions of a node until ctx ends.
func (n *node) run(ctx context.Context, ready func(*Manager)) error {
	nc, err := bus.Connect(bus.ConnectOptions{URLs: n.NATS, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer nc.Close()
	for end := time.Now().Add(10 * time.Second); !nc.IsConnected() && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	log, err := audit.Open(filepath.Join(n.Dir, "audit"), audit.Options{})
	if err != nil {
		return err
	}
	defer log.Close()
	find := n.Containers
	if find == nil {
		find = func(id string) (Container, error) {
			if id != n.Container.ID {
				return Container{}, fmt.Errorf("container %s: %w", id, ErrNoContainer)
			}
			return n.Container, nil
		}
	}
	var m *Manager
	var own *policy.File
	if n.Policy != "" {
		own, err = policy.Open(policy.FileOptions{Path: n.Policy, FailClosed: true,
			Changed: func(error) { m.PolicyChanged() }, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
	}
	m, err = New(Options{Agent: agent, Policy: own, Labels: func(string) []frame.Label { return n.Labels },
		Dir: filepath.Join(n.Dir, "sessions"), Keys: n.Keys, Audit: log, Max: n.Max,
		Find:   func(_ context.Context, id string) (Container, error) { return find(id) },
		Limits: n.Limits, Orphaned: n.Orphaned, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	if own != nil {
		go own.Run(ctx)
	}
	s := rpc.NewServer(rpc.ServerOptions{Conn: nc, Cluster: cluster, Agent: agent, Handlers: m.Handlers()})
	if ready != nil {
		ready(m)
	}
	return errors.Join(s.Run(ctx), m.Close())
}

func collector() int {
	var n node
	if err := json.Unmarshal([]byte(os.Getenv("NODE")), &n); err != nil {
		panic(err)
	}
	if err := n.run(context.Background(), nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// fixture is a node, a relay's key and its connection to NATS.
type fixture struct {
	*testing.T
	node
	signer    *grant.Signer
	rpc       *rpc.Client
	nc        *nats.Conn
	container *rig.Container
	manager   *Manager
	stop      func()
}

// newFixture starts NATS, a container of runc, and a node in this process, unless killable.
func newFixture(t *testing.T, killable bool, change ...func(*fixture)) *fixture {
	t.Helper()
	rig.NeedRoot(t, "sessions")
	f := &fixture{T: t, container: rig.Runc(t).Run(t, rig.Spec{})}
	listen := rig.FreePort(t)
	rig.StartNATS(t, t.TempDir(), listen)
	key, err := grant.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	f.signer = grant.NewSigner("relay1", key)
	f.node = node{NATS: "nats://" + listen, Dir: t.TempDir(), Keys: []ed25519.PublicKey{f.signer.Public()},
		Container: Container{Container: session.Container{ID: f.container.ID, Started: 12345}, PID: f.container.PID}}
	for _, c := range change {
		c(f)
	}
	if f.nc, err = bus.Connect(bus.ConnectOptions{URLs: f.NATS, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.nc.Close)
	rig.Eventually(t, 10*time.Second, func() error {
		if !f.nc.IsConnected() {
			return errors.New("not connected")
		}
		return nil
	})
	if f.rpc, err = rpc.NewClient(f.nc, cluster); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.rpc.Close() })
	if !killable {
		f.start()
		t.Cleanup(func() { f.stop() })
	}
	t.Cleanup(f.nothingLeft)
	return f
}

// start starts the node in this process.
func (f *fixture) start() {
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan *Manager, 1), make(chan error, 1)
	go func() { done <- f.node.run(ctx, func(m *Manager) { ready <- m }) }()
	select {
	case f.manager = <-ready:
	case err := <-done:
		f.Fatal(err)
	}
	f.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			f.Error(err)
		}
	})
	f.answers()
}

// spawn starts the node as a process that can be killed.
func (f *fixture) spawn() *exec.Cmd {
	b, err := json.Marshal(&f.node)
	if err != nil {
		f.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Args[0] = "collector"
	cmd.Env = append(os.Environ(), "NODE="+string(b))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	f.answers()
	return cmd
}

// answers waits until the node answers.
func (f *fixture) answers() {
	f.Helper()
	rig.Eventually(f, 20*time.Second, func() error {
		_, err := f.list()
		return err
	})
}

func (f *fixture) sign(g grant.Grant) string {
	f.Helper()
	g.Agent = agent
	if g.Principal == "" {
		g.Principal = "alice"
	}
	token, err := f.signer.Sign(g, time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	return token
}

func (f *fixture) list() ([]sessionrpc.Info, error) {
	ctx, cancel := context.WithTimeout(f.Context(), 10*time.Second)
	defer cancel()
	return sessionrpc.List(ctx, f.rpc, agent, f.sign(grant.Grant{Rights: []session.Right{session.List}}))
}

// exec returns a grant for a command.
func (f *fixture) exec(c session.Command) grant.Grant {
	return grant.Grant{Session: session.NewID(), Rights: []session.Right{session.Exec}, Container: f.Container.Container,
		Command: &c, Tags: map[string]string{"task_id": "t1"}, From: "10.1.2.3"}
}

func sh(script string) session.Command {
	return session.Command{Args: []string{"/bin/sh", "-c", script}}
}

// dial returns a client.Options.Dial that opens a session, and attaches to it afterwards.
func (f *fixture) dial(g grant.Grant, rows, cols uint16) func(context.Context, client.Resume) (client.Conn, error) {
	opened := false
	return func(ctx context.Context, r client.Resume) (client.Conn, error) {
		if opened || g.Command == nil {
			right := []session.Right{session.AttachWrite}
			if g.Command == nil {
				right = g.Rights
			}
			return sessionrpc.Attach(ctx, f.rpc, agent,
				sessionrpc.NewRequest(f.sign(grant.Grant{Session: g.Session, Principal: g.Principal, Rights: right}), r))
		}
		request := sessionrpc.NewRequest(f.sign(g), r)
		request.Rows, request.Cols = rows, cols
		conn, err := sessionrpc.Open(ctx, f.rpc, agent, request)
		if err != nil {
			var e *rpc.Error
			if errors.As(err, &e) && e.Code != rpc.Unavailable {
				err = &client.FinalError{Err: err}
			}
			return nil, err
		}
		opened = true
		return conn, nil
	}
}

// run runs a command to its end with some input.
func (f *fixture) run(c session.Command, input string) (stdout, stderr string, exit session.Exit) {
	f.Helper()
	var out, errs buffer
	s := client.New(client.Options{Dial: f.dial(f.exec(c), 57, 203), Stdout: &out, Stderr: &errs})
	if input != "" {
		go func() {
			s.Write([]byte(input))
			s.CloseWrite()
		}()
	}
	exit, err := s.Run(f.Context())
	if err != nil {
		f.Errorf("%v: %v", c.Args, err)
	}
	return out.String(), errs.String(), exit
}

// nothingLeft checks that nothing of a session is left on the machine.
func (f *fixture) nothingLeft() {
	rig.Eventually(f, 15*time.Second, func() error {
		if left := leftovers(f.Dir); len(left) > 0 {
			return fmt.Errorf("left: %s", strings.Join(left, ", "))
		}
		return nil
	})
}

// leftovers lists files of sessions, keepers and cgroups of a node.
func leftovers(dir string) (left []string) {
	files, _ := filepath.Glob(filepath.Join(dir, "sessions", "*.*"))
	left = append(left, files...)
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range processes {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(p)))
		b, _ := os.ReadFile(p)
		if !bytes.HasPrefix(b, []byte("daytwo-session\x00")) {
			continue
		}
		if link, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, dirFD)); strings.HasPrefix(link, dir) {
			left = append(left, fmt.Sprintf("keeper %d", pid))
		}
	}
	return left
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *buffer) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *buffer) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (o *buffer) until(t testing.TB, want string) {
	for end := time.Now().Add(15 * time.Second); !strings.Contains(o.String(), want); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("no %q in %q", want, o.String())
			return
		}
	}
}
