package statsd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

// binary is the program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "daytwo-statsd-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
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

// node is daytwo up on this machine, and how to reach it.
type node struct {
	cmd   *exec.Cmd
	ended chan struct{}
	mu    sync.Mutex
	out   bytes.Buffer

	data, listen, metrics, token string
	agent                        string
	args                         []string
	env                          []string // beside this process' own
}

func (n *node) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.out.Write(b)
}

// up starts daytwo until the test ends, and waits for its first tick; a test
// that fails shows what it said.
func up(t *testing.T, args ...string) *node {
	t.Helper()
	return upWith(t, nil, args...)
}

// upWith is up with more in its environment.
func upWith(t *testing.T, env []string, args ...string) *node {
	t.Helper()
	// Other tests of this machine have ports for containers too.
	args = append([]string{rig.PortsFlag(t, 100)}, args...)
	n := &node{data: t.TempDir(), listen: freePort(t), metrics: freePort(t), args: args, env: env}
	n.start(t)
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			t.Logf("daytwo up:\n%s", n.out.String())
		}
	})
	return n
}

func (n *node) start(t *testing.T) {
	t.Helper()
	n.cmd = exec.Command(binary, append([]string{"up", "--data", n.data, "--listen", n.listen, "--metrics", n.metrics}, n.args...)...)
	n.cmd.Env = append(os.Environ(), n.env...)
	n.cmd.Stdout, n.cmd.Stderr = n, n
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		cmd.Wait()
		close(ended)
	}(n.cmd, n.ended)
	eventually(t, 20*time.Second, func() error {
		select {
		case <-n.ended:
			t.Fatalf("daytwo up ended:\n%s", n.out.String())
		default:
		}
		b, err := os.ReadFile(filepath.Join(n.data, "token"))
		if err != nil {
			return err
		}
		n.token = strings.TrimSpace(string(b))
		var answer struct{ Agents []v1.Agent }
		if err := n.ask("/api/v1/agents", &answer); err != nil {
			return err
		}
		if len(answer.Agents) == 0 {
			return fmt.Errorf("no agent yet")
		}
		n.agent = answer.Agents[0].AgentID
		_, err = get("http://"+n.metrics+"/metrics", "")
		return err
	})
}

// kill is kill -9.
func (n *node) kill() {
	n.cmd.Process.Kill()
	<-n.ended
}

// ask asks the relay for a path and decodes the answer. What is no success is
// an error, 204 too.
func (n *node) ask(path string, v any) error {
	b, err := get("http://"+n.listen+path, n.token)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func get(url, token string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, body)
	}
	return body, err
}

// app is DC/OS' answer of what a container sends: all, or one metric's.
func (n *node) app(id, metric string) (*v1.Metrics, error) {
	path := "/system/v1/agent/" + n.agent + "/metrics/v0/containers/" + id + "/app"
	if metric != "" {
		path += "/" + url.PathEscape(metric)
	}
	m := new(v1.Metrics)
	return m, n.ask(path, m)
}

// ledger is the account of all senders together, or of one container; it must
// always balance.
func (n *node) ledger(t *testing.T, container string) (*v1.Ledger, error) {
	t.Helper()
	var s v1.StatsD
	path := "/api/v1/statsd"
	if container != "" {
		path += "?container=" + container
	}
	if err := n.ask(path, &s); err != nil {
		return nil, err
	}
	for i := range s.Ledgers {
		l := &s.Ledgers[i]
		if !l.Balances() {
			t.Fatalf("the ledger does not balance: %+v", l)
		}
		if container == "" && l.All || container != "" && l.ContainerID == container {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no ledger of %q among %d", container, len(s.Ledgers))
}

// account waits until a ledger has as many lines as were sent, and returns it.
func (n *node) account(t *testing.T, container string, received int64) *v1.Ledger {
	t.Helper()
	var l *v1.Ledger
	eventually(t, 10*time.Second, func() (err error) {
		if l, err = n.ledger(t, container); err == nil && l.Received != received {
			err = fmt.Errorf("received %d, sent %d: %+v", l.Received, received, l)
		}
		return err
	})
	return l
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
		time.Sleep(100 * time.Millisecond)
	}
}

// freePort is a loopback address that nobody listens on, by TCP or by UDP.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		u, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			continue
		}
		u.Close()
		return l.Addr().String()
	}
}

// socketDir is a directory for a unix socket, to be mounted into containers.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
