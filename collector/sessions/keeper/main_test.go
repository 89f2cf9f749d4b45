package keeper

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/unixsocket"
	"github.com/daytwo/daytwo/bench/rig"
)

var plain string // the program of testdata/plain

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "plain")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		plain = filepath.Join(dir, "plain")
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", plain, "./testdata/plain")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			panic(string(out))
		}
		return rig.Main(m)
	}())
}

// spec is what testdata/plain is told.
type spec struct {
	Config     Config
	Args       []string
	TTY, Stdin bool
}

// kept is a keeper's process.
type kept struct {
	id, dir, path string
	cmd           *exec.Cmd
	ended         chan error
}

// start starts a keeper with a program.
func start(t testing.TB, s spec) *kept {
	t.Helper()
	dir := t.TempDir()
	k := &kept{id: session.NewID(), dir: dir, path: filepath.Join(dir, "s.sock"), ended: make(chan error, 1)}
	fd, err := unixsocket.Bind(k.path, unix.SOCK_STREAM, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	l := os.NewFile(uintptr(fd), "listener")
	defer l.Close()
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s.Config.Session, s.Config.Listener, s.Config.Dir = k.id, 3, 4
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	k.cmd = exec.Command(plain)
	k.cmd.Env = append(os.Environ(), "SPEC="+string(b))
	k.cmd.ExtraFiles = []*os.File{l, d}
	var stderr bytes.Buffer
	k.cmd.Stderr = &stderr
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := k.cmd.Wait()
		if err != nil {
			err = errors.New(err.Error() + ": " + stderr.String())
		}
		k.ended <- err
	}()
	t.Cleanup(func() { k.cmd.Process.Kill() })
	return k
}

// wait waits for the keeper's end.
func (k *kept) wait(t testing.TB, within time.Duration) {
	t.Helper()
	select {
	case err := <-k.ended:
		if err != nil {
			t.Errorf("the keeper: %v", err)
		}
	case <-time.After(within):
		t.Errorf("the keeper does not end within %v", within)
	}
}

// control connects as a collector does.
func (k *kept) control(t testing.TB) *controlConn {
	t.Helper()
	conn, err := net.Dial("unix", k.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write(wire.AppendAttach(nil, &wire.Hello{Control: true})); err != nil {
		t.Fatal(err)
	}
	return &controlConn{conn, wire.NewReader(conn, 4096)}
}

type controlConn struct {
	net.Conn
	r *wire.Reader
}

// exit waits for the exit and takes note of it.
func (c *controlConn) exit(t testing.TB, within time.Duration) session.Exit {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(within))
	for {
		m, err := c.r.Next()
		if err != nil {
			t.Fatalf("the collector waits for the exit: %v", err)
		}
		if m.Type == wire.Exit {
			e, err := wire.ParseExit(m.Data)
			if err != nil {
				t.Fatal(err)
			}
			c.Write(wire.Append(nil, &wire.Message{Type: wire.Done}))
			return e
		}
	}
}

func (c *controlConn) kill(t testing.TB, r session.Reason, who string) {
	t.Helper()
	m := wire.Message{Type: wire.Kill, Number: uint64(r), Data: []byte(who)}
	if _, err := c.Write(wire.Append(nil, &m)); err != nil {
		t.Fatal(err)
	}
}

// dial returns a client.Options.Dial that connects as a collector does for a client.
func (k *kept) dial(name string, write bool) func(context.Context, client.Resume) (client.Conn, error) {
	return func(ctx context.Context, r client.Resume) (client.Conn, error) {
		conn, err := net.Dial("unix", k.path)
		if err != nil {
			return nil, err
		}
		_, err = conn.Write(wire.AppendAttach(nil, &wire.Hello{Write: write, Client: r.Client, Name: name, Out: r.Out}))
		return conn, err
	}
}

// buffer collects output.
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

// until waits until the output contains something.
func (o *buffer) until(t testing.TB, want string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(o.String(), want); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in %q", want, o.String())
		}
	}
}

// run runs a program to its end with some input, and returns what it printed.
func run(t testing.TB, s spec, input string) (stdout, stderr string, exit session.Exit) {
	t.Helper()
	k := start(t, s)
	control := k.control(t)
	var out, errs buffer
	c := client.New(client.Options{Dial: k.dial("alice", true), Stdout: &out, Stderr: &errs})
	if s.Stdin {
		go func() {
			io.WriteString(c, input)
			c.CloseWrite()
		}()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	exit, err := c.Run(ctx)
	if err != nil {
		t.Fatalf("%v: %v", s.Args, err)
	}
	if e := control.exit(t, 5*time.Second); e != exit {
		t.Errorf("%v: the collector hears of %+v, the client of %+v", s.Args, e, exit)
	}
	k.wait(t, 5*time.Second)
	return out.String(), errs.String(), exit
}

func sh(script string) spec { return spec{Args: []string{"/bin/sh", "-c", script}} }

func (s spec) tty() spec {
	s.TTY, s.Stdin = true, true
	if s.Config.Rows == 0 {
		s.Config.Rows, s.Config.Cols = 57, 203
	}
	return s
}

func (s spec) stdin() spec { s.Stdin = true; return s }
