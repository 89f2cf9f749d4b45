package intake

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// UDP are the options of a UDP listener.
type UDP struct {
	Address       netip.AddrPort
	Sockets       int    // sockets that share the address, each with its own receiver (SO_REUSEPORT); default 1
	ReceiveBuffer int    // bytes; default ReceiveBuffer
	OriginalPort  bool   // packets may have been steered here from other ports; read the original one
	NoGRO         bool   // do not let the kernel join datagrams of one sender
	Name          string // name in the descriptor store; default: made from the address
}

// Listener is an address that receives packets.
type Listener struct {
	Number uint32 // order of opening; see Source.Listener
	in     *Intake
	name   string
	count  counters

	mu        sync.Mutex
	receivers []*receiver
	sockets   []*socket
	of        []*receiver // the receiver of each socket
	stream    *streams
	watch     *pathWatch
	closed    bool
}

// ListenUDP opens UDP sockets, or takes over those with the same name from the store.
func (in *Intake) ListenUDP(o UDP) (*Listener, error) {
	o.Sockets = max(o.Sockets, 1)
	if o.Name == "" {
		o.Name = fdName("udp", o.Address.String())
	}
	fds := in.o.Store.take(o.Name, func(fd int) bool {
		at, err := boundTo(fd)
		return err == nil && at.Addr() == o.Address.Addr() && (o.Address.Port() == 0 || at.Port() == o.Address.Port())
	})
	taken := len(fds)
	var err error
	for len(fds) < o.Sockets && err == nil {
		at, first := o.Address, len(fds) == 0
		if !first { // later sockets share the first one's port, which it bound exclusively
			if at, err = boundTo(fds[0]); err == nil {
				err = share(fds[0])
			}
			if err != nil {
				break
			}
		}
		var fd int
		if fd, err = openUDP(at, !first); err == nil {
			fds = append(fds, fd)
		}
	}
	l := &Listener{name: o.Name}
	if err == nil {
		err = in.register(l)
	}
	for i := 0; i < len(fds) && err == nil; i++ {
		if err = prepareUDP(fds[i], &o); err == nil {
			err = l.own(fds[i])
		}
	}
	if err == nil && len(fds) > taken {
		err = in.o.Store.put(o.Name, fds[taken:])
	}
	if err != nil {
		for _, fd := range fds {
			unix.Close(fd)
		}
		l.sockets = nil
		l.Close()
		return nil, err
	}
	return l, nil
}

// own reads a socket with a new receiver.
func (l *Listener) own(fd int) error {
	r, err := newReceiver(l.in)
	if err != nil {
		return err
	}
	l.receivers = append(l.receivers, r)
	return l.attach(fd, r)
}

// attach adds a socket to a receiver.
func (l *Listener) attach(fd int, r *receiver) error {
	s := &socket{fd: fd, listener: l}
	if at, err := boundTo(fd); err == nil {
		s.port = at.Port()
	} else {
		s.unix = true
	}
	if err := r.add(s); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sockets, l.of = append(l.sockets, s), append(l.of, r)
	return nil
}

// Port returns the UDP port of the first socket, or 0 if there is none.
func (l *Listener) Port() uint16 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sockets) == 0 {
		return 0
	}
	return l.sockets[0].port
}

// Control calls f with the descriptor of the first socket.
func (l *Listener) Control(f func(fd int) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.sockets) == 0 {
		return errors.New("the listener is closed")
	}
	return f(l.sockets[0].fd)
}

// UDPSockets calls f with the descriptor of every UDP socket.
func (l *Listener) UDPSockets(f func(fd int) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, s := range l.sockets {
		if !s.unix && !l.closed {
			errs = append(errs, f(s.fd))
		}
	}
	return errors.Join(errs...)
}

// Counts returns the listener's counts since it was opened.
func (l *Listener) Counts() Counts {
	c := Counts{
		Packets: l.count.packets.Load(), Bytes: l.count.bytes.Load(),
		ShedPackets: l.count.shedPackets.Load(), ShedLines: l.count.shedLines.Load(),
		KernelDrops: l.count.closedDrops.Load(), Refused: l.count.refused.Load(),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, s := range l.sockets {
		l.of[i].mu.Lock()
		if s.fd >= 0 {
			c.KernelDrops += s.kernelDrops()
			c.Buffer = max(c.Buffer, uint64(s.limit))
		}
		l.of[i].mu.Unlock()
	}
	return c
}

// Close stops listening. Packets that were received are still delivered.
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	if l.watch != nil {
		l.watch.close()
	}
	if l.stream != nil {
		l.stream.close()
	}
	for i, s := range l.sockets {
		l.of[i].remove(s, l.in.o.Store == nil)
	}
	for _, r := range l.receivers {
		r.close()
	}
	return nil
}

// Group is a set of UDP sockets that one receiver reads. It is for kernels where ports
// cannot be steered onto one socket: each container gets a socket. The group counts as
// one listener.
type Group struct {
	*Listener
	o UDP
}

// ListenGroup returns an empty group. Ports are opened on the address of o; its port is
// ignored.
func (in *Intake) ListenGroup(o UDP) (*Group, error) {
	l := &Listener{name: o.Name}
	if err := in.register(l); err != nil {
		return nil, err
	}
	r, err := newReceiver(in)
	if err != nil {
		return nil, err
	}
	l.receivers = []*receiver{r}
	return &Group{Listener: l, o: o}, nil
}

// Open listens on one more port, or takes over its socket from the store.
func (g *Group) Open(port uint16) error {
	o := g.o
	o.Address = netip.AddrPortFrom(o.Address.Addr(), port)
	o.Name = portName(port)
	fds := g.in.o.Store.take(o.Name, func(fd int) bool {
		at, err := boundTo(fd)
		return err == nil && at == o.Address
	})
	taken := len(fds)
	if taken == 0 {
		fd, err := openUDP(o.Address, false)
		if err != nil {
			return err
		}
		fds = []int{fd}
	}
	for _, fd := range fds {
		err := prepareUDP(fd, &o)
		if err == nil {
			err = g.attach(fd, g.receivers[0])
		}
		if err == nil && taken == 0 {
			err = g.in.o.Store.put(o.Name, fds)
		}
		if err != nil {
			unix.Close(fd)
			return fmt.Errorf("port %d: %w", port, err)
		}
	}
	return nil
}

// ClosePort stops listening on a port, after reading the packets in its queue.
func (g *Group) ClosePort(port uint16) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	found := false
	for i := 0; i < len(g.sockets); i++ {
		s := g.sockets[i]
		if s.port != port {
			continue
		}
		found = true
		g.of[i].remove(s, true)
		last := len(g.sockets) - 1
		g.sockets[i], g.of[i] = g.sockets[last], g.of[last]
		g.sockets, g.of = g.sockets[:last], g.of[:last]
		i--
	}
	if !found {
		return fmt.Errorf("port %d is not open", port)
	}
	return g.in.o.Store.remove(portName(port))
}
