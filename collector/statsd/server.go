package statsd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/collector/bounded"
	"github.com/daytwo/daytwo/collector/statsd/intake"
	"github.com/daytwo/daytwo/collector/statsd/line"
	"github.com/daytwo/daytwo/collector/statsd/origin"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

// Server receives StatsD packets from New until Close.
type Server struct {
	o       Options
	log     *slog.Logger
	store   *series.Store
	table   *origin.Table
	in      *intake.Intake
	fds     *intake.FDStore
	parsers atomic.Pointer[[]*line.Parser] // by Source.Listener
	own     *line.Parser                   // of containers' own ports; has the options of the first listener
	opened  []listening                    // the addresses of Options.Listen, then the containers' own ports
	off     []Listener                     // the addresses of Options.Listen that this machine lacks (Listener.Off)

	ready   chan struct{} // closed when opening has finished, successfully or not
	waiting bool          // ready is not closed yet

	sockets *bounded.Source // opens unix sockets

	api    *http.Server
	served chan error
	gen    atomic.Uint64
	drops  drops
	panics panics

	listeners sync.Mutex // guards opened and shown
	shown     listenerTable
	clock     clock
	skew      int64 // wall clock minus steady time, in nanoseconds, as of the last tick
	find      func(origin uint32) uint64
	parent    func(info origin.Info) uint64 // of the current tick
}

// New opens every listener and the launch API's socket. It logs features that the kernel
// does not permit. It returns an error if an option is invalid or an address cannot be
// opened.
func New(o Options) (*Server, error) {
	o.defaults()
	rules, err := o.rules()
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, log: o.Log, panics: panics{log: o.Log}, clock: o.clock, ready: make(chan struct{}), waiting: true}
	s.sockets = socketSource(s.o.Calls)
	s.parsers.Store(new([]*line.Parser))
	s.own = line.New(o.Listen[0].Line)
	s.gen.Store(1)
	s.find = s.findParent
	s.store = series.New(series.Options{
		Workers: o.Workers + 1, // plus one for shed packets
		Budget:  o.Budget, Total: o.Total, Expiry: o.Expiry, Rules: rules, Log: o.Log,
		Key: s.key, Labels: s.labels, Named: s.named, Retired: func(n uint32) { s.table.Release(origin.Origin(n)) },
	})
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open starts receiving. Packets that arrive before everything is open wait for that.
func (s *Server) open() (err error) {
	s.fds = intake.OpenFDStore()
	s.in, err = intake.New(intake.Options{
		Workers: s.o.Workers, Handle: s.handle, Shed: s.shed, Panicked: s.panics.report, Store: s.fds, Log: s.log,
	})
	if err != nil {
		return err
	}
	c := origin.Config{
		File: s.o.Endpoints, Host: s.o.Host, Ports: origin.ChoosePorts(s.o.Ports), NoBPF: s.o.NoBPF, Log: s.log,
		Calls: s.o.Calls,
	}
	if s.fds != nil {
		c.Store = s.fds
	}
	if !c.Host.IsValid() {
		c.Host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if c.Watch, err = s.openListeners(); err != nil {
		return err
	}
	own := s.own
	c.Socket = func(at netip.AddrPort) (fd int, err error) {
		l, err := s.in.ListenUDP(intake.UDP{Address: at, OriginalPort: true})
		if err != nil {
			return -1, err
		}
		s.setParser(l, own)
		s.setPorts(l)
		if s.table != nil { // the ports belonged to another collector at first
			s.tellDrops(l)
		}
		err = l.Control(func(f int) error { fd = f; return nil })
		return fd, err
	}
	group, err := s.in.ListenGroup(intake.UDP{Address: netip.AddrPortFrom(c.Host, 0), Name: "statsd-ports"})
	if err != nil {
		return err
	}
	s.setParser(group.Listener, own)
	c.Open, c.Close = group.Open, group.ClosePort
	s.opened = append(s.opened, listening{name: portsName, in: group.Listener})
	if s.table, err = origin.New(c); err != nil {
		return err
	}
	for _, l := range s.in.Listeners() {
		if l != group.Listener {
			s.tellDrops(l)
		}
	}
	// No one will take the other descriptors. Left open, their sockets would queue
	// packets that no one reads.
	if err := s.fds.Forget(); err != nil {
		s.log.Warn("descriptors of former sockets could not be removed from the service manager", "err", err)
	}
	s.waiting = false
	close(s.ready)
	return s.serve()
}

// tellDrops counts the kernel's drops at a listener's sockets by sender.
func (s *Server) tellDrops(l *intake.Listener) {
	if err := l.UDPSockets(s.table.CountDrops); err != nil {
		s.log.Warn("the kernel's drops cannot be counted by sender", "err", err)
	}
}

// taken adds to err, if the address is in use, the process that has it.
func taken(l Listener, err error) error {
	if !errors.Is(err, unix.EADDRINUSE) {
		return err
	}
	if h, ok := HolderOf(l); ok {
		return fmt.Errorf("%w: %v has it", err, h)
	}
	return err
}

// parser returns the parser of a listener. A listener that was opened late may deliver
// packets before its parser is set; it gets the default one.
func (s *Server) parser(listener uint32) *line.Parser {
	if p := *s.parsers.Load(); int(listener) < len(p) && p[listener] != nil {
		return p[listener]
	}
	return s.own
}

// setParser sets the parser of a listener. Workers may be running.
func (s *Server) setParser(l *intake.Listener, p *line.Parser) {
	parsers := slices.Clone(*s.parsers.Load())
	for int(l.Number) >= len(parsers) {
		parsers = append(parsers, nil)
	}
	parsers[l.Number] = p
	s.parsers.Store(&parsers)
}

func (s *Server) listen(l Listener) (*intake.Listener, error) {
	if l.Network != "udp" {
		if err := responds(s.sockets, l.Address); err != nil {
			return nil, err
		}
	}
	switch l.Network {
	case "unix":
		return s.withParser(l)(s.in.ListenUnixStream(intake.Unix{Path: l.Address}))
	case "unixgram":
		return s.withParser(l)(s.in.ListenUnixgram(intake.Unix{Path: l.Address}))
	}
	a, err := netip.ParseAddrPort(l.Address)
	if err != nil {
		return nil, err
	}
	return s.withParser(l)(s.in.ListenUDP(intake.UDP{Address: a}))
}

// withParser returns a function that sets the parser of a listener that was opened.
func (s *Server) withParser(l Listener) func(*intake.Listener, error) (*intake.Listener, error) {
	return func(got *intake.Listener, err error) (*intake.Listener, error) {
		if err == nil {
			s.setParser(got, line.New(l.Line))
		}
		return got, err
	}
}

// serve opens the socket of the launch API and serves it.
func (s *Server) serve() error {
	if s.o.Socket == "" {
		return nil
	}
	l, err := listenLaunch(s.sockets, s.o.Socket)
	if err != nil {
		return err
	}
	s.api = origin.Server(s.table, s.log)
	origin.WithAgentID(s.api, s.o.AgentID)
	s.api.Handler = s.counting(s.api.Handler)
	s.served = make(chan error, 1)
	go func() { s.served <- s.api.Serve(l) }()
	return nil
}

// Run removes the endpoints of containers that are gone, until ctx ends, and then returns
// nil. It returns an error if the launch API cannot be served any longer.
func (s *Server) Run(ctx context.Context) error {
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.served:
			return fmt.Errorf("launch API: %w", err)
		case <-s.table.Changed():
			s.survive("the network namespaces of containers", s.table.Reach)
		case <-every.C:
			s.survive("the endpoints of containers that are gone", s.sweep)
			s.survive("the network namespaces of containers", s.table.Reach)
			s.survive("default addresses", s.reopen)
			s.survive("senders that are gone", func() {
				s.table.Unused(func(o origin.Origin) bool { return s.store.Keeps(uint32(o)) })
			})
		}
	}
}

// sweep removes the endpoints of containers that are gone.
func (s *Server) sweep() {
	before := len(s.table.Endpoints())
	if err := s.table.Sweep(); err != nil {
		s.log.Error("endpoints could not be written", "err", err)
	}
	if len(s.table.Endpoints()) != before {
		s.gen.Add(1)
	}
}

// survive calls f. It counts and logs a panic of f, with what f is about.
func (s *Server) survive(over string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.panics.report(over, p)
		}
	}()
	f()
}

// sweepEvery is how often endpoints whose cgroups are gone are removed, and the origins
// of containers that ended without sending anything are released.
const sweepEvery = 10 * time.Second

// Close stops the server. Packets that were received before are still aggregated; a Tick
// after Close returns them.
func (s *Server) Close() error {
	var errs []error
	if s.api != nil {
		errs = append(errs, s.api.Close())
	}
	if s.waiting {
		s.waiting = false
		close(s.ready)
	}
	if s.in != nil {
		errs = append(errs, s.in.Close())
	}
	if s.table != nil {
		s.countDrops(true)
		errs = append(errs, s.table.CloseAll())
	}
	return errors.Join(errs...)
}
