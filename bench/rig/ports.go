package rig

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/daytwo/daytwo/api/launch"
)

// Ports are given to tests in blocks, below those that the kernel gives to clients
// and the collector's own defaults.
const (
	portBlock  = 128
	firstBlock = 2048 / portBlock
	lastBlock  = 19999/portBlock - 1
)

// Ports are n UDP ports, at least, that no other test on this machine has until
// this one ends: a collector's --statsd-ports.
func Ports(t testing.TB, n int) launch.PortRange {
	t.Helper()
	want := (n + portBlock - 1) / portBlock
	for range 1000 {
		at := firstBlock + rand.IntN(lastBlock-firstBlock-want+2)
		var held []net.Listener
		for b := at; b < at+want; b++ {
			// An abstract name is free again when its process ends, however it does.
			l, err := net.Listen("unix", fmt.Sprint("@daytwo-test-ports/", b))
			if err != nil {
				break
			}
			held = append(held, l)
		}
		drop := func() {
			for _, l := range held {
				l.Close()
			}
		}
		if len(held) == want {
			t.Cleanup(drop)
			return launch.PortRange{First: uint16(at * portBlock), Last: uint16((at+want)*portBlock - 1)}
		}
		drop()
	}
	t.Fatalf("no %d ports are free: other tests have them", n)
	return launch.PortRange{}
}

// PortsFlag is Ports as --statsd-ports wants it.
func PortsFlag(t testing.TB, n int) string {
	t.Helper()
	return "--statsd-ports=" + Ports(t, n).String()
}
