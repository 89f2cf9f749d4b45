package rig

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/daytwo/daytwo/api/launch"
)

// Ports are handed out in blocks, from below the kernel's ephemeral ports and the
// collector's defaults.
const (
	portBlock  = 128
	firstBlock = 2048 / portBlock
	lastBlock  = 19999/portBlock - 1
)

// defaultPorts are the defaults of daytwo and NATS, which are not handed out.
var defaultPorts = []uint16{4222, 8125, 8400, 61091, 61825}

var free struct {
	mu          sync.Mutex
	next, after uint16
	held        []net.Listener // for as long as this process lives
}

// FreePort returns a loopback address that nobody listens on, by TCP or by UDP,
// and that no other test on this machine is given while this process lives.
func FreePort(t testing.TB) string {
	t.Helper()
	free.mu.Lock()
	defer free.mu.Unlock()
	for range 10 * portBlock {
		if free.next == free.after {
			first, last, held := holdPorts(1)
			if held == nil {
				break
			}
			free.next, free.after, free.held = first, last+1, append(free.held, held...)
		}
		port := free.next
		free.next++
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))
		if !slices.Contains(defaultPorts, port) && unused(address) {
			return address
		}
	}
	t.Fatal("no port is free: other tests have them")
	return ""
}

// releaseFree lets other test processes have the ports of FreePort.
func releaseFree() {
	free.mu.Lock()
	defer free.mu.Unlock()
	closeAll(free.held)
	free.held, free.next, free.after = nil, 0, 0
}

func unused(address string) bool {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	udp.Close()
	return true
}

// Ports returns at least n neighbouring UDP ports that no other test on this machine
// is given until this one ends: --statsd-ports of a collector.
func Ports(t testing.TB, n int) launch.PortRange {
	t.Helper()
	first, last, held := holdPorts((n + portBlock - 1) / portBlock)
	if held == nil {
		t.Fatalf("no %d neighbouring ports are free: other tests have them", n)
	}
	t.Cleanup(func() { closeAll(held) })
	return launch.PortRange{First: first, Last: last}
}

// holdPorts reserves so many neighbouring blocks for as long as held is open; held
// is nil if there are none.
func holdPorts(blocks int) (first, last uint16, held []net.Listener) {
	for range 1000 {
		at := firstBlock + rand.IntN(lastBlock-firstBlock-blocks+2)
		for b := at; b < at+blocks; b++ {
			// The kernel frees an abstract name when the process ends, however it ends.
			l, err := net.Listen("unix", fmt.Sprint("@daytwo-test-ports/", b))
			if err != nil {
				break
			}
			held = append(held, l)
		}
		if len(held) == blocks {
			return uint16(at * portBlock), uint16((at+blocks)*portBlock - 1), held
		}
		closeAll(held)
		held = nil
	}
	return 0, 0, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// PortsFlag returns Ports as the flag --statsd-ports.
func PortsFlag(t testing.TB, n int) string {
	t.Helper()
	return "--statsd-ports=" + Ports(t, n).String()
}
