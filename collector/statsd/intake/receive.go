package intake

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	batch      = 64 // datagrams per recvmmsg
	shedBatch  = 16 // datagrams per recvmmsg while shedding
	turnRounds = 16 // batches from one socket before the other sockets are read

	retry       = 100 * time.Microsecond // pause before a full ring is checked again
	stalls      = 10                     // pauses until a blocked sender to a unix socket is released by shedding
	drainRounds = 4096                   // batches read from a socket before it is closed; senders may keep sending
)

// receiver reads several sockets into one ring. It waits in Go's netpoller for an epoll
// descriptor that watches the sockets, so it occupies no thread while nothing arrives.
type receiver struct {
	in   *Intake
	ring *ring
	ep   *os.File
	conn syscall.RawConn
	done chan struct{}
	poll func(fd uintptr) bool

	mu      sync.Mutex // sockets are added and removed while others are read
	sockets []*socket
	ready   int
	events  [batch]unix.EpollEvent
	msgs    [batch]mmsghdr
	iovs    [batch]unix.Iovec
	names   [batch][unix.SizeofSockaddrInet6]byte
	ctrl    [batch][controlSize]byte
	scratch []byte // buffer for datagrams that are shed
	spare   slot   // slot for a datagram that is shed
}

func newReceiver(in *Intake) (*receiver, error) {
	ring, err := newRing(in.o.Slots)
	if err != nil {
		return nil, err
	}
	scratch, err := mapMemory(shedBatch * slotStride)
	if err != nil {
		unix.Munmap(ring.mem)
		return nil, err
	}
	r := &receiver{in: in, ring: ring, scratch: scratch, done: make(chan struct{})}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(fd, true) // os.File uses the netpoller for non-blocking descriptors only
	}
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	r.ep = os.NewFile(uintptr(fd), "epoll")
	if r.conn, err = r.ep.SyscallConn(); err != nil {
		return nil, err
	}
	for i := range r.msgs {
		h := &r.msgs[i].hdr
		h.Name, h.Iov, h.Control = &r.names[i][0], &r.iovs[i], &r.ctrl[i][0]
		h.SetIovlen(1)
		r.iovs[i].SetLen(slotSize)
	}
	r.poll = func(fd uintptr) bool {
		r.ready = epollReady(fd, r.events[:])
		return r.ready > 0
	}
	in.addRing(ring)
	go r.run()
	return r, nil
}

// add makes the receiver read a socket. The receiver closes it.
func (r *receiver) add(s *socket) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.index = -1
	for i, other := range r.sockets {
		if other == nil {
			s.index = int32(i)
			r.sockets[i] = s
			break
		}
	}
	if s.index < 0 {
		s.index = int32(len(r.sockets))
		r.sockets = append(r.sockets, s)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: s.index}
	if err := unix.EpollCtl(int(r.epfd()), unix.EPOLL_CTL_ADD, s.fd, &ev); err != nil {
		r.sockets[s.index] = nil
		return fmt.Errorf("watch a socket: %w", err)
	}
	return nil
}

func (r *receiver) epfd() (fd uintptr) {
	r.conn.Control(func(f uintptr) { fd = f })
	return fd
}

// remove closes a socket. If drain is set, it reads the socket's queue first.
func (r *receiver) remove(s *socket, drain bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.fd < 0 {
		return
	}
	if drain {
		for i := 0; i < drainRounds && r.read(s); i++ {
		}
	}
	s.listener.count.closedDrops.Add(s.kernelDrops())
	unix.Close(s.fd) // also removes it from epoll, unless systemd has a duplicate
	unix.EpollCtl(int(r.epfd()), unix.EPOLL_CTL_DEL, s.fd, nil)
	s.fd = -1
	r.sockets[s.index] = nil
}

func (r *receiver) run() {
	defer close(r.done)
	for r.conn.Read(r.poll) == nil {
		r.turn()
	}
}

// turn reads the sockets that are ready.
func (r *receiver) turn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() {
		if v := recover(); v != nil {
			r.in.o.Panicked("what a socket received", v)
		}
	}()
	for _, ev := range r.events[:r.ready] {
		s := r.sockets[ev.Fd]
		for i := 0; s != nil && i < turnRounds && r.read(s); i++ {
		}
	}
}

// close ends the receiver. The workers continue to serve its ring.
func (r *receiver) close() {
	r.ep.Close()
	<-r.done
	unix.Munmap(r.scratch)
}

// read reads one batch from a socket. It reports whether there may be more.
func (r *receiver) read(s *socket) (more bool) {
	pos, n := r.ring.room(batch)
	shed := n == 0
	if shed {
		if r.in.o.Policy == LeaveToKernel || s.unix && s.stalled < stalls || !s.unix && !halfFull(s.fd) {
			s.stalled++
			time.Sleep(retry)
			return true
		}
		n = shedBatch
	}
	size := controlSize
	if s.unix {
		size = unixControlSize
	}
	for i := range n {
		if shed {
			r.iovs[i].Base = &r.scratch[i*slotStride]
		} else {
			r.iovs[i].Base = &r.ring.buffer(pos + uint64(i))[0]
		}
		h := &r.msgs[i].hdr
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(size)
	}
	s.stalled = 0
	got, errno := recvmmsg(s.fd, r.msgs[:n])
	if errno != 0 || got == 0 {
		return errno == unix.EINTR
	}
	var packets, bytes uint64
	for i := range got {
		m := &r.msgs[i]
		sl := &r.spare
		if !shed {
			sl = r.ring.at(pos + uint64(i))
		}
		r.describe(sl, s, i)
		packets += uint64(datagrams(sl))
		bytes += uint64(m.n)
		if shed {
			r.in.shed(s.listener, sl, r.scratch[i*slotStride:][:sl.n])
		}
	}
	if !shed {
		s.listener.count.packets.Add(packets) // before a worker can have handled them
		s.listener.count.bytes.Add(bytes)
		r.ring.publish(pos, got)
		r.in.notify()
	}
	return got == n
}

// describe fills a slot with the properties of message i, except its bytes.
func (r *receiver) describe(sl *slot, s *socket, i int) {
	m := &r.msgs[i]
	c := control{port: s.port}
	parseControl(r.ctrl[i][:min(m.hdr.Controllen, controlSize)], &c)
	sl.n, sl.segment = int32(m.n), c.segment
	if sl.segment >= sl.n {
		sl.segment = 0
	}
	sl.truncated = m.hdr.Flags&unix.MSG_TRUNC != 0
	sl.dropped = 0
	if c.hasDrops {
		sl.dropped = c.overflow - s.drops
		s.drops = c.overflow
	}
	sl.src = Source{Listener: s.listener.Number, Port: c.port, PID: uint32(c.cred.Pid), UID: c.cred.Uid, GID: c.cred.Gid}
	parseName(r.names[i][:min(m.hdr.Namelen, unix.SizeofSockaddrInet6)], &sl.src)
}

// datagrams returns the number of datagrams in a slot.
func datagrams(s *slot) int32 {
	if s.segment == 0 {
		return 1
	}
	return (s.n + s.segment - 1) / s.segment
}
