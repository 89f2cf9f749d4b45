package origin

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
)

// ErrNoPort says that all ports for containers are in use.
var ErrNoPort = errors.New("all ports for containers are in use: give a wider range (--statsd-ports FIRST-LAST)")

// ephemeralPorts are those that the kernel gives to sockets that ask for none.
func ephemeralPorts() (low, high uint16, err error) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(b), &low, &high)
	}
	return low, high, err
}

// CheckPorts says what is wrong with a range for containers.
func CheckPorts(first, last uint16) error {
	if first == 0 || last <= first {
		return fmt.Errorf("ports %d to %d for containers: the second must be above the first, and both above 0", first, last)
	}
	if low, high, err := ephemeralPorts(); err == nil && first <= high && low <= last {
		return fmt.Errorf("ports %d to %d for containers overlap those that the kernel gives to clients, %d to %d (net.ipv4.ip_local_port_range): choose others (--statsd-ports FIRST-LAST)",
			first, last, low, high)
	}
	return nil
}

// openPort serves a port: the wanted one, or, if that is 0, the next that is free.
func (t *Table) openPort(want uint16) (uint16, error) {
	if !t.steered && t.c.Open == nil {
		return 0, errors.New("there is nothing to receive containers' packets with")
	}
	if want != 0 {
		if want <= t.c.First || want > t.c.Last {
			return 0, fmt.Errorf("port %d is not one for containers: those are %d to %d", want, t.c.First+1, t.c.Last)
		}
		if t.used(want) {
			return 0, fmt.Errorf("port %d is another container's", want)
		}
		return want, t.serve(want)
	}
	for range int(t.c.Last - t.c.First) {
		p := t.next
		if t.next++; t.next > t.c.Last || t.next == 0 {
			t.next = t.c.First + 1
		}
		if !t.used(p) && t.serve(p) == nil {
			return p, nil
		}
	}
	return 0, ErrNoPort
}

func (t *Table) used(port uint16) bool { return t.byPort[port] != nil }

// serve begins to receive a port. Steering takes a packet before any socket can,
// so a port that another program has bound is left to it.
func (t *Table) serve(port uint16) error {
	if !t.steered {
		return t.c.Open(port)
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(t.c.Host, port)))
	if err != nil {
		return fmt.Errorf("port %d: %w", port, err)
	}
	conn.Close()
	t.steer.Port(port, true)
	return nil
}

// closePort ends the serving of a port. What is still queued keeps its origin:
// ports are used again in turn, so this one rests for a while.
func (t *Table) closePort(port uint16) error {
	if t.steered {
		t.steer.Port(port, false)
		return nil
	}
	if t.c.Close == nil {
		return nil
	}
	return t.c.Close(port)
}
