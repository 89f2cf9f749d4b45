package rig

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
)

var wires atomic.Uint32

// Wire joins a container's network namespace to the host's by a pair of
// interfaces that lead nowhere else, and returns the host's address on it. A
// machine that does not let it do so skips the test.
func (c *Container) Wire(t testing.TB) (host string) {
	t.Helper()
	need(t, "ip", "apt-get install iproute2", "ip", "nsenter")
	n := wires.Add(1)
	// 169.254.0.0/16 is link-local (RFC 3927): nothing routes it.
	net := fmt.Sprintf("169.254.%d.", 200+n%50)
	host = net + "1"
	outer, inner := fmt.Sprintf("rg%d.%da", os.Getpid()%100000, n), fmt.Sprintf("rg%d.%db", os.Getpid()%100000, n)
	pid := strconv.Itoa(c.PID)
	if _, err := output("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", pid); err != nil {
		Unsupported(t, "a pair of network interfaces", err)
	}
	t.Cleanup(func() { output("ip", "link", "del", outer) })
	for _, argv := range [][]string{
		{"ip", "addr", "add", host + "/24", "dev", outer},
		{"ip", "link", "set", outer, "up"},
		{"nsenter", "--target", pid, "--net", "ip", "addr", "add", net + "2/24", "dev", inner},
		{"nsenter", "--target", pid, "--net", "ip", "link", "set", inner, "up"},
		{"nsenter", "--target", pid, "--net", "ip", "link", "set", "lo", "up"},
	} {
		if _, err := output(argv...); err != nil {
			t.Fatal(err)
		}
	}
	return host
}

// LoopbackUp turns on the loopback interface of a container whose runtime did not.
func (c *Container) LoopbackUp(t testing.TB) {
	t.Helper()
	need(t, "ip", "apt-get install iproute2", "ip", "nsenter")
	if _, err := output("nsenter", "--target", strconv.Itoa(c.PID), "--net", "ip", "link", "set", "lo", "up"); err != nil {
		t.Fatal(err)
	}
}
