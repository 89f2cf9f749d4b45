package rig

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDaytwoLifecycle(t *testing.T) {
	d := Up(t, "--no-bpf")
	if !d.Running() || d.Relay.Token == "" {
		t.Fatalf("running %v, token %q", d.Running(), d.Relay.Token)
	}
	other := Up(t, "--no-bpf") // beside the first one
	for _, x := range []*Daytwo{d, other} {
		if out := x.Client(t, "node", "list", "-o", "json"); !strings.Contains(out, "agent_id") {
			t.Errorf("node list: %s", out)
		}
	}
	other.Stop(t)
	d.Kill()
	token := d.Relay.Token
	d.Restart(t)
	if d.Relay.Token != token {
		t.Error("another token over the same data")
	}
	d.Stop(t)
	if _, err := d.Relay.Get("/readyz"); err == nil {
		t.Error("it answers after Stop")
	}
}

// The program's own addresses are free in a network namespace of the test's own.
func TestDaytwoDefaultPorts(t *testing.T) {
	n := NewNetns(t)
	d := StartReady(t, Options{Netns: n, DefaultPorts: true})
	var err error
	if e := n.Do(func() {
		var c net.Conn
		if c, err = net.Dial("tcp", "127.0.0.1:8400"); err == nil {
			c.Close()
		}
	}); e != nil || err != nil {
		t.Errorf("in the namespace: %v, %v", e, err)
	}
	d.Stop(t)
}

func TestDaytwoMounts(t *testing.T) {
	dir := t.TempDir()
	d := StartReady(t, Options{Args: []string{"--no-bpf"}, Mounts: "mount -t tmpfs none " + dir + "\ntouch " + dir +
		"/mine"})
	if _, err := os.Stat(filepath.Join(dir, "mine")); err == nil {
		t.Error("the mount is in the test's own namespace too")
	}
	d.Stop(t)
}

func TestProcess(t *testing.T) {
	p := StartProcess(t, exec.Command("sh", "-c", "echo out; echo err >&2; sleep 0.1; exit 3"))
	if err := p.Wait(t, 10*time.Second); err == nil || err.Error() != "exit status 3" {
		t.Errorf("ended with %v", err)
	}
	if p.Log() != "out\nerr\n" || p.Running() {
		t.Errorf("log %q, running %v", p.Log(), p.Running())
	}
	p.Kill() // has no effect any more
}
