package rig

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
)

var wires atomic.Uint32

// Wire connects a container's network namespace to the host's by a veth pair that
// leads nowhere else, and returns the host's address on it.
func (c *Container) Wire(t testing.TB) (host string) {
	t.Helper()
	n := wires.Add(1)
	// 169.254.0.0/16 is link-local (RFC 3927): nothing routes it.
	net := fmt.Sprintf("169.254.%d.", 200+n%50)
	host = net + "1"
	outer, inner := fmt.Sprintf("rg%d.%da", os.Getpid()%100000, n), fmt.Sprintf("rg%d.%db", os.Getpid()%100000, n)
	IP(t, "link add "+outer+" type veth peer name "+inner+" netns "+strconv.Itoa(c.PID))
	t.Cleanup(func() { output("ip", "link", "del", outer) }) // gone with the container, if that ended first
	IP(t, "addr add "+host+"/24 dev "+outer)
	IP(t, "link set "+outer+" up")
	inside := c.Netns(t)
	inside.IP(t, "addr add "+net+"2/24 dev "+inner)
	inside.IP(t, "link set "+inner+" up")
	inside.IP(t, "link set lo up")
	return host
}

// LoopbackUp sets the loopback interface of a container up, where its runtime has not.
func (c *Container) LoopbackUp(t testing.TB) {
	t.Helper()
	c.Netns(t).IP(t, "link set lo up")
}
