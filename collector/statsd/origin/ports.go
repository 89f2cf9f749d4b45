package origin

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/daytwo/daytwo/api/launch"
)

// ErrNoPort means that all ports for containers are in use.
var ErrNoPort = errors.New("all ports for containers are in use: give a wider range (--statsd-ports FIRST-LAST)")

// ephemeralPorts returns the range of ports that the kernel gives to sockets that do not
// choose one.
func ephemeralPorts() (r launch.PortRange, err error) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(b), &r.First, &r.Last)
	}
	return r, err
}

// CheckPorts returns an error if a range cannot be used for containers on this machine.
func CheckPorts(r launch.PortRange) error {
	if err := r.Check(); err != nil {
		return err
	}
	if clients, err := ephemeralPorts(); err == nil && r.Overlaps(clients) {
		return fmt.Errorf("ports %d to %d for containers overlap those that the kernel gives to clients, %d to %d "+
			"(net.ipv4.ip_local_port_range): choose others (--statsd-ports FIRST-LAST)",
			r.First, r.Last, clients.First, clients.Last)
	}
	return nil
}

// ChoosePorts returns the given range, if any. Otherwise it returns launch.DefaultPorts
// or, if the kernel gives those ports to clients, another range.
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

// avoid returns launch.DefaultPorts, or a range of about the same size that does not
// overlap the ports of clients. If there is none it returns DefaultPorts, which
// CheckPorts then rejects.
func avoid(clients launch.PortRange) launch.PortRange {
	const least = 1000 // smallest useful number of ports
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

// openPort serves the wanted port or, if that is 0, the next free one.
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

// serve starts receiving on a port. Steering takes packets before any socket can, so
// serve returns an error if another program has bound the port.
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

// closePort stops serving a port. Queued packets keep their origin: ports are reused in
// turn, so this one is not used again for a while.
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
