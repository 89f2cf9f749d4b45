package rig

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Options say how a Daytwo is started.
type Options struct {
	Program string   // up (the default), collector or relay
	Args    []string // flags as --name=value or --name value; they replace the rig's own of the same name
	Env     []string // KEY=value, beside this process's own
	Data    string   // data directory; default: a temporary one
	Race    bool     // the program that is built with the race detector
	UserID  uint32   // run as this user and group; 0 for the test's own
	Mounts  string   // shell commands run before the program, with it in a mount namespace of its own
	Netns   *Netns   // network namespace to run in; default: the test's own
	CA      string   // file of the relay's authority, if Args have it serve TLS
	// DefaultPorts leaves the program's own defaults for all addresses and ports.
	// Such a test runs in a network namespace of its own.
	DefaultPorts bool
}

// Daytwo is a running daytwo program with a data directory and ports of its own.
type Daytwo struct {
	*Process
	Options Options
	Data    string // --data
	Relay   API    // HTTP API of up and relay; its token is read by WaitReady
	Node    API    // the node's own /metrics of up and collector
	Statsd  string // UDP address of StatsD, "" where Args name several or another kind
	args    []string
}

// Ready is how long a program may take until it is ready. Usually it takes two
// seconds; beside emulated kernels (bench/kernels) it takes much longer.
const Ready = 40 * time.Second

// Up starts "daytwo up" with these flags and waits until it is ready.
func Up(t testing.TB, args ...string) *Daytwo {
	t.Helper()
	return StartReady(t, Options{Args: args})
}

// StartReady starts a program and waits until it is ready.
func StartReady(t testing.TB, o Options) *Daytwo {
	t.Helper()
	d := Start(t, o)
	d.WaitReady(t)
	return d
}

// Start starts a program without waiting for anything.
func Start(t testing.TB, o Options) *Daytwo {
	t.Helper()
	if o.Program == "" {
		o.Program = "up"
	}
	d := &Daytwo{Options: o, Data: o.Data}
	if d.Data == "" {
		d.Data = t.TempDir()
	}
	d.addArgs(t)
	d.start(t)
	return d
}

// addArgs makes the command line: the rig's flags, then the caller's.
func (d *Daytwo) addArgs(t testing.TB) {
	t.Helper()
	own := []string{d.Options.Program}
	add := func(name string, value func() string) string {
		for i, a := range d.Options.Args {
			if a == "--"+name && i+1 < len(d.Options.Args) {
				return d.Options.Args[i+1]
			}
			if v, ok := strings.CutPrefix(a, "--"+name+"="); ok {
				return v
			}
		}
		v := value()
		own = append(own, "--"+name+"="+v)
		return v
	}
	free := func() string { return FreePort(t) }
	d.Data = add("data", func() string { return d.Data })
	relay, node := d.Options.Program != "collector", d.Options.Program != "relay"
	if d.Options.DefaultPorts {
		if d.Options.Netns == nil {
			t.Fatal("rig: default ports outside of a network namespace of the test's own")
		}
		d.Relay.URL, d.Node.URL, d.Statsd = "http://127.0.0.1:8400", "http://127.0.0.1:61091", "127.0.0.1:8125"
	} else {
		if relay {
			d.Relay.URL = "http://" + add("listen", free)
			if d.Options.CA != "" {
				d.Relay.URL = "https" + strings.TrimPrefix(d.Relay.URL, "http")
				d.Relay.roots = authorities(t, d.Options.CA)
			}
		}
		if node {
			d.Node.URL = "http://" + add("metrics", free)
			asked := add("statsd", func() string { d.Statsd = FreePort(t); return d.Statsd })
			if d.Statsd == "" && !strings.Contains(asked, ",") {
				d.Statsd = asked
			}
			add("statsd-ports", func() string { return Ports(t, 100).String() })
		}
	}
	d.args = append(own, d.Options.Args...)
	d.Relay.netns, d.Node.netns = d.Options.Netns, d.Options.Netns
}

func (d *Daytwo) start(t testing.TB) {
	t.Helper()
	binary := Binary(t)
	if d.Options.Race {
		binary = RaceBinary(t)
	}
	cmd := exec.Command(binary, d.args...)
	cmd.SysProcAttr = new(syscall.SysProcAttr)
	if d.Options.Mounts != "" {
		NeedRoot(t, "mount namespaces")
		cmd = exec.Command("sh", append([]string{"-ec", d.Options.Mounts + "\nexec \"$@\"", "sh", binary}, d.args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // the syscall package makes / private
	}
	if id := d.Options.UserID; id != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: id, Gid: id}
	}
	cmd.Env = append(os.Environ(), d.Options.Env...)
	on := anyThread
	if d.Options.Netns != nil {
		on = d.Options.Netns.onThread
	}
	d.Process = startProcess(t, cmd, on)
}

// Restart starts the program again, after Stop or Kill, as it was started first:
// on the same data and ports. It waits until the program is ready.
func (d *Daytwo) Restart(t testing.TB) {
	t.Helper()
	if d.Running() {
		t.Fatal("rig: Restart of a program that still runs")
	}
	d.start(t)
	d.WaitReady(t)
}

// WaitReady waits until the program says that it is ready and answers on all of its
// addresses, and until the first tick of "daytwo up" has arrived.
func (d *Daytwo) WaitReady(t testing.TB) {
	t.Helper()
	Eventually(t, Ready, func() error {
		if !d.Running() {
			t.Fatalf("daytwo %s ended before it was ready: %v\n%s", d.Options.Program, d.err, d.Log())
		}
		return d.ready()
	})
}

func (d *Daytwo) ready() error {
	if d.Relay.URL != "" {
		if _, err := d.Relay.Get("/readyz"); err != nil {
			return err
		}
		if err := d.ReadToken(); err != nil {
			return err
		}
	}
	if d.Node.URL != "" && !strings.HasSuffix(d.Node.URL, "//none") {
		if _, err := d.Node.Get("/readyz"); err != nil {
			return err
		}
	}
	if d.Options.Program != "up" {
		return nil
	}
	var answer struct {
		Agents []struct {
			AgentID string `json:"agent_id"`
		}
	}
	err := d.Relay.Into("/api/v1/agents", &answer)
	if err == nil && (len(answer.Agents) == 0 || answer.Agents[0].AgentID == "") {
		err = errors.New("no agent yet")
	}
	return err
}

// ReadToken reads the API's token, which the program writes when it starts.
func (d *Daytwo) ReadToken() error {
	b, err := os.ReadFile(filepath.Join(d.Data, "token"))
	if err == nil {
		d.Relay.Token = strings.TrimSpace(string(b))
	}
	return err
}

// Stop asks the program to end by SIGTERM, and fails the test unless it ends
// within 15 seconds, with status 0 and without a panic or a data race in its log.
func (d *Daytwo) Stop(t testing.TB) {
	t.Helper()
	d.Signal(syscall.SIGTERM)
	if err := d.Wait(t, 15*time.Second); err != nil {
		t.Fatalf("daytwo %s ended with %v after SIGTERM\n%s", d.Options.Program, err, d.Log())
	}
	for _, bad := range []string{"panic: ", "WARNING: DATA RACE", "fatal error: "} {
		if strings.Contains(d.Log(), bad) {
			t.Fatalf("the log of daytwo %s has %q:\n%s", d.Options.Program, bad, d.Log())
		}
	}
}

// Client runs a client command of the program (as "top", "-o", "json") against
// its own API, and returns what it prints on standard output and standard error.
// It fails the test unless the command succeeds.
func (d *Daytwo) Client(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Binary(t), append(args, "--url", d.Relay.URL, "--token", d.Relay.Token)...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("daytwo %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// StatsdPort is the port of Statsd.
func (d *Daytwo) StatsdPort() string {
	_, port, _ := net.SplitHostPort(d.Statsd)
	return port
}
