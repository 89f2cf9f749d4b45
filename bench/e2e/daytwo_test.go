package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// binary is the program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "daytwo-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil { // another user runs it too
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		binary = filepath.Join(dir, "daytwo")
		build := exec.Command("go", "build", "-o", binary, "github.com/daytwo/daytwo")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}

		return rig.Main(m)
	}())
}

// process is a running daytwo.
type process struct {
	cmd *exec.Cmd

	mu     sync.Mutex
	output bytes.Buffer
	ended  chan struct{}
	err    error
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// start runs daytwo until the test ends; a test that fails shows its output.
func start(t *testing.T, args ...string) *process {
	return startCmd(t, exec.Command(binary, args...))
}

func startCmd(t *testing.T, cmd *exec.Cmd) *process {
	return startWith(t, cmd, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL})
}

func startWith(t *testing.T, cmd *exec.Cmd, as *syscall.SysProcAttr) *process {
	t.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p
	cmd.SysProcAttr = as
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("%s:\n%s", strings.Join(cmd.Args, " "), p.said())
		}
	})
	return p
}

// stop asks the process to end, and expects it to, well and soon.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		if p.err != nil {
			t.Fatalf("ended with %v", p.err)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("still runs 15 s after SIGTERM")
	}
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// api is a relay to ask.
type api struct {
	url   string
	token string
}

// get asks for a path; it fails the test unless the answer is 200.
func (a api) get(t *testing.T, path string) []byte {
	t.Helper()
	body, err := a.try(path)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func (a api) try(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, nil)
	if err != nil {
		return nil, err
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, body)
	}
	return body, err
}

// into asks for a path and decodes the answer.
func (a api) into(t *testing.T, path string, v any) {
	t.Helper()
	if body := a.get(t, path); json.Unmarshal(body, v) != nil {
		t.Fatalf("%s: not JSON: %.200s", path, body)
	}
}

// eventually tries f until it has no more to complain of.
func eventually(t *testing.T, within time.Duration, f func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v still: %v", within, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// freePort is a loopback address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// up starts everything in one process and waits until it can be asked.
func up(t *testing.T, data string, args ...string) (*process, api, api) {
	t.Helper()
	listen, metrics := freePort(t), freePort(t)
	p := start(t, append([]string{"up", "--data", data, "--listen", listen, "--metrics", metrics}, args...)...)
	relay, node := api{url: "http://" + listen}, api{url: "http://" + metrics}
	waitReady(t, p, relay)
	b, err := os.ReadFile(filepath.Join(data, "token"))
	if err != nil {
		t.Fatal(err)
	}
	relay.token = strings.TrimSpace(string(b))
	eventually(t, 40*time.Second, func() error {
		body, err := relay.try("/api/v1/agents")
		if err == nil && !strings.Contains(string(body), "agent_id") {
			err = fmt.Errorf("no agent yet: %s", body)
		}
		return err
	})
	return p, relay, node
}

func waitReady(t *testing.T, p *process, a api) {
	t.Helper()
	eventually(t, 40*time.Second, func() error {
		select {
		case <-p.ended:
			t.Fatalf("ended: %v\n%s", p.err, p.said())
		default:
		}
		_, err := a.try("/readyz")
		return err
	})
}
