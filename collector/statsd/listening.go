package statsd

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/intake"
)

// listening is the state of one configured address.
type listening struct {
	name string
	in   *intake.Listener // nil: not open; err says why
	err  error
	of   Listener
	also *intake.Listener // another listener with the same counts: the socket that ports are steered to
}

// portsName is the name of the containers' own ports in the table of listeners.
const portsName = "ports"

// openListeners opens the addresses of Options.Listen. It returns the UDP ports that
// many containers send to, including default ports that another process has now and may
// release.
func (s *Server) openListeners() (ports []uint16, err error) {
	for _, l := range s.o.Listen {
		if !l.Loopback() {
			s.log.Warn("StatsD has no authentication: every host that can reach this address may send", "address", l.Address)
		}
		in, err := s.listen(l)
		at, _ := netip.ParseAddrPort(l.Address)
		port := at.Port()
		switch {
		case err == nil:
			s.opened = append(s.opened, listening{name: listenerName(l, in), in: in, of: l})
			port = in.Port()
		case l.Off(err):
			s.log.Debug("StatsD is not received on a default address: this machine has no IPv6", "address", l.Address, "err",
				err)
			s.off = append(s.off, l)
		case l.Optional && errors.Is(err, unix.EADDRINUSE):
			err = taken(l, err)
			s.log.Error("StatsD is not received on a default address: end the process that uses it, or give --statsd other "+
				"addresses",
				"address", l.Address, "err", err)
			s.opened = append(s.opened, listening{name: l.String(), err: err, of: l})
		default:
			return nil, fmt.Errorf("statsd: %w; give --statsd another address, or none", taken(l, err))
		}
		if l.Network == "udp" {
			ports = append(ports, port)
		}
	}
	return ports, nil
}

// listenerName returns the name of a listener. If it was opened with port 0, the name contains
// the actual port.
func listenerName(l Listener, in *intake.Listener) string {
	if at, err := netip.ParseAddrPort(l.Address); err == nil && at.Port() == 0 {
		l.Address = netip.AddrPortFrom(at.Addr(), in.Port()).String()
	}
	return l.String()
}

// setPorts sets the socket that containers' ports are steered to.
func (s *Server) setPorts(l *intake.Listener) {
	s.listeners.Lock()
	defer s.listeners.Unlock()
	s.opened[len(s.opened)-1].also = l
}

// absent returns the number of addresses that are not open.
func (s *Server) absent() (n int64) {
	s.listeners.Lock()
	defer s.listeners.Unlock()
	for i := range s.opened {
		if s.opened[i].err != nil {
			n++
		}
	}
	return n
}

// reopen tries again to open addresses that another process had, or that need IPv6 where
// there was none.
func (s *Server) reopen() {
	s.off = slices.DeleteFunc(s.off, func(l Listener) bool {
		in, err := s.listen(l)
		if l.Off(err) {
			return false
		}
		if err == nil {
			s.tellDrops(in)
			s.log.Info("StatsD is received on a default address now: the machine has IPv6", "address", l.Address)
		} else {
			err = taken(l, err)
			s.log.Error("StatsD is not received on a default address", "address", l.Address, "err", err)
		}
		s.listeners.Lock()
		defer s.listeners.Unlock()
		s.opened = slices.Insert(s.opened, len(s.opened)-1, listening{name: l.String(), in: in, err: err, of: l})
		s.shown.rows = nil
		return true
	})
	for i := range s.opened { // written only in this function once the server is open
		l := &s.opened[i]
		if l.err == nil {
			continue
		}
		in, err := s.listen(l.of)
		if err != nil {
			continue
		}
		s.tellDrops(in)
		s.log.Info("StatsD is received on a default address now: the process that used it has ended", "address", l.of.Address)
		s.listeners.Lock()
		l.in, l.err = in, nil
		s.shown.rows = nil
		s.listeners.Unlock()
	}
}

// listenerTable is the StatsdListener table. It is reused for every tick.
type listenerTable struct {
	gen  uint64
	rows []*frame.Row
	vals []int64
	last uint64 // id of the newest row
}

func (t *listenerTable) fill(opened []listening) {
	for _, l := range opened {
		labels := []frame.Label{{Name: "listener", Value: l.name}}
		if l.err != nil {
			labels = append(labels, frame.Label{Name: "reason", Value: l.err.Error()})
		}
		t.last++
		t.rows = append(t.rows, &frame.Row{ID: t.last, Key: l.name, Labels: labels})
	}
	t.vals = make([]int64, len(t.rows)*metric.Width(metric.StatsdListener))
	t.gen++
}

// Listeners returns the StatsdListener table, with one row for each address. It is valid
// until the next call.
func (s *Server) Listeners() frame.Table {
	ports := flag(s.table.Refused() == nil)
	s.listeners.Lock()
	defer s.listeners.Unlock()
	t, w := &s.shown, metric.Width(metric.StatsdListener)
	if t.rows == nil {
		t.fill(s.opened)
	}
	for i := range s.opened {
		l, v := &s.opened[i], t.vals[i*w:][:w]
		if l.in == nil {
			for c := range v {
				v[c] = metric.Absent
			}
			v[metric.ListenerUp] = 0
			continue
		}
		n := l.in.Counts()
		if l.also != nil {
			m := l.also.Counts()
			n.Packets += m.Packets
			n.Bytes += m.Bytes
			n.ShedPackets += m.ShedPackets
			n.ShedLines += m.ShedLines
			n.KernelDrops += m.KernelDrops
			n.Buffer = max(n.Buffer, m.Buffer)
		}
		v[metric.ListenerUp] = 1
		if l.name == portsName {
			v[metric.ListenerUp] = ports
		}
		v[metric.ListenerPackets], v[metric.ListenerBytes] = int64(n.Packets), int64(n.Bytes)
		v[metric.ListenerShedPackets], v[metric.ListenerShedLines] = int64(n.ShedPackets), int64(n.ShedLines)
		v[metric.ListenerKernelDrops], v[metric.ListenerRefused] = int64(n.KernelDrops), int64(n.Refused)
		v[metric.ListenerBuffer] = metric.Absent
		if n.Buffer > 0 {
			v[metric.ListenerBuffer] = int64(n.Buffer)
		}
	}
	return frame.Table{Kind: metric.StatsdListener, Gen: t.gen, Rows: t.rows, Vals: t.vals}
}
