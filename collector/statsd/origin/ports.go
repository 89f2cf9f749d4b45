package origin

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/daytwo/daytwo/api/launch"
)

// ErrNoPort says that all ports for containers are in use.
var ErrNoPort = errors.New("all ports for containers are in use: give a wider range (--statsd-ports FIRST-LAST)")

// ephemeralPorts returns the ports that the kernel gives to clients: sockets that
// ask for none.
func ephemeralPorts() (r launch.PortRange, err error) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(b), &r.First, &r.Last)
	}
	return r, err
}

// CheckPorts returns an error if a range cannot be used for containers on this
// machine.
func CheckPorts(r launch.PortRange) error {
	if err := r.Check(); err != nil {
		return err
	}
	if clients, err := ephemeralPorts(); err == nil && r.Overlaps(clients) {
		return fmt.Errorf("ports %d to %d for containers overlap those that the kernel gives to clients, %d to %d "+
			"(net.ipv4.ip_local_port_range): choose others (--statsd-ports FIRST-LAST)", r.First, r.Last, clients.First, clients.Last)
	}
	return nil
}

// ChoosePorts returns the range that was given, or else launch.DefaultPorts, or,
// where the kernel gives those to clients, a range that it does not.
func ChoosePorts(given launch.PortRange) launch.PortRange {
	if !given.IsZero() {
		return given
	}
	clients, err := ephemeralPorts()
	if err != nil {
		return launch.DefaultPorts
	}
	return avoid(clients)
}

// avoid returns launch.DefaultPorts, or a range of about that size which does not
// overlap the ports of clients. Where there is none it returns DefaultPorts, which
// CheckPorts refuses.
func avoid(clients launch.PortRange) launch.PortRange {
	const least = 1000 // ports worth having
	usual := launch.DefaultPorts
	size := int(usual.Last - usual.First)
	low, high := int(clients.First), int(clients.Last)
	switch {
	case !clients.Overlaps(usual):
	case low-least > int(usual.First):
		return launch.PortRange{First: usual.First, Last: uint16(low - 1)}
	case high+least <= 65535:
		return launch.PortRange{First: uint16(high + 1), Last: uint16(min(high+1+size, 65535))}
	case low-least >= 1024:
		return launch.PortRange{First: uint16(max(low-1-size, 1024)), Last: uint16(low - 1)}
	}
	return usual
}

// openPort serves a port: the wanted one, or, if that is 0, the next that is free.
func (t *Table) openPort(want uint16) (uint16, error) {
	if !t.steered && t.c.Open == nil {
		return 0, errors.New("there is nothing to receive containers' packets with")
	}
	if want != 0 {
		if r := t.c.Ports; want <= r.First || want > r.Last {
			return 0, fmt.Errorf("port %d is not one for containers: those are %d to %d", want, r.First+1, r.Last)
		}
		if t.used(want) {
			return 0, fmt.Errorf("port %d is another container's", want)
		}
		return want, t.serve(want)
	}
	for range int(t.c.Ports.Last - t.c.Ports.First) {
		p := t.next
		if t.next++; t.next > t.c.Ports.Last || t.next == 0 {
			t.next = t.c.Ports.First + 1
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
