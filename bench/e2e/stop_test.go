package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// Asked to end at whatever moment of its start, a program ends well and soon, and the
// next start on the same data works.
func TestStopDuringStart(t *testing.T) {
	t.Parallel()
	nats := rig.FreePort(t)
	for _, o := range []rig.Options{
		{Program: "up"},
		// Without BPF it is elsewhere in its start than up, which loads programs nearly all the time.
		{Program: "collector", Args: []string{"--nats", "nats://" + nats, "--no-bpf"}},
		{Program: "relay", Args: []string{"--nats", "nats://" + nats}},
	} {
		t.Run(o.Program, func(t *testing.T) {
			t.Parallel()
			o.Data = t.TempDir()
			for _, after := range []time.Duration{100, 200, 300, 500, 800, 1300} {
				d := rig.Start(t, o)
				time.Sleep(after * time.Millisecond)
				d.Stop(t)
				if after < 300 && strings.Contains(d.Log(), upText) {
					t.Errorf("after %d ms it said that it is up", after)
				}
			}
			if o.Program == "up" {
				rig.StartReady(t, o).Stop(t)
			}
		})
	}
}

// The second signal ends a program that is still ending.
func TestSecondSignal(t *testing.T) {
	d := rig.Up(t)
	// A client that does not end its request is waited for.
	c, err := net.Dial("tcp", strings.TrimPrefix(d.Relay.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c,
		"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"+
			"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("%q, %v", line, err)
	}
	d.Signal(syscall.SIGINT)
	time.Sleep(300 * time.Millisecond)
	begun := time.Now()
	if d.Running() {
		d.Signal(syscall.SIGTERM)
	} else {
		t.Log("it had ended before")
	}
	err = d.Wait(t, 15*time.Second)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() != 128+15 || err != nil && exit == nil {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("the second signal took %v", took)
	}
}

// What cannot work ends a program with status 1 and the flag to give, before it says
// that it is up; what runs already is left alone.
func TestUpThatCannotWork(t *testing.T) {
	t.Parallel()
	running := rig.Up(t)
	taken := strings.TrimPrefix(running.Node.URL, "http://")
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules")
	if err := os.WriteFile(rules, []byte("mappings: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(want string, o rig.Options) {
		t.Helper()
		o.Args = append(o.Args, "--no-bpf") // loading programs takes seconds, and nothing here depends on them
		d := rig.Start(t, o)
		err := d.Wait(t, 30*time.Second)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("%v: %v, want status 1", o.Args, err)
		}
		if said := d.Log(); strings.Contains(said, upText) || !strings.Contains(said, want) {
			t.Errorf("%v: want %q and not %q:\n%s", o.Args, want, upText, said)
		}
	}
	f("--metrics", rig.Options{Args: []string{"--metrics", taken}})
	f("--listen", rig.Options{Args: []string{"--listen", strings.TrimPrefix(running.Relay.URL, "http://")}})
	f("--statsd", rig.Options{Args: []string{"--statsd", running.Statsd}})
	f(rules, rig.Options{Args: []string{"--statsd-rules", rules}})
	f("--socket", rig.Options{Args: []string{"--socket", filepath.Join(running.Data, launch.SocketName)}})
	f("--socket", rig.Options{Args: []string{"--socket", dir}})
	f("data directory", rig.Options{Data: running.Data})
	f("data directory", rig.Options{Data: running.Data, Args: []string{"--socket", filepath.Join(dir, "s")}})
	if _, err := running.Relay.Get("/readyz"); err != nil {
		t.Errorf("the running one: %v", err)
	}
	works(t, running)
	running.Stop(t)
}
