package statsd

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/unixsocket"
	"github.com/daytwo/daytwo/collector/bounded"
	"github.com/daytwo/daytwo/collector/statsd/line"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

// Options are the options of a server. The zero value of a field means its default.
type Options struct {
	Listen    []Listener    // default: Defaults; see ParseListener
	Workers   int           // goroutines that parse; default 1, which preserves the order of each sender's packets
	Budget    int           // series per container; default 10,000
	Total     int           // series in all; default 1,000,000
	Expiry    series.Expiry // default 1 h
	RulesFile string        // file of mappings; "" for none

	Endpoints string           // file that stores containers' endpoints over restarts; "" for none
	Socket    string           // path of the launch API's socket; "" for none
	AgentID   string           // the node's id, which the launch API answers
	Host      netip.Addr       // that containers send to; default 127.0.0.1
	Ports     launch.PortRange // for containers; default launch.DefaultPorts, or others if clients get those
	NoBPF     bool             // use one socket for each container, and do not identify senders by cgroup
	Log       *slog.Logger     // default slog.Default()
	Calls     *bounded.Set     // makes the calls that may block forever; default: a set of its own

	clock clock // default: the machine's; set by tests
}

// Listener is an address with its dialect.
type Listener struct {
	Network string // udp, unixgram, unix (stream)
	Address string // host:port, or a path
	Line    line.Options

	Optional bool // a default address: the server runs without it if another process has it
}

func (l Listener) String() string { return l.Network + "://" + l.Address }

// Defaults returns the listeners that are used if none are configured.
func Defaults() []Listener {
	var all []Listener
	for _, a := range setting.StatsdListen() {
		all = append(all, Listener{Network: "udp", Address: a, Optional: true})
	}
	return all
}

// Off reports whether a listener can be left out, given the error of opening it. It can
// if it is a default (Optional) and no packet can be sent to it, because this network
// namespace has no IPv6 (EAFNOSUPPORT) or no IPv6 loopback address (EADDRNOTAVAIL).
func (l *Listener) Off(err error) bool {
	at, parseErr := netip.ParseAddrPort(l.Address)
	return l.Optional && l.Network == "udp" && parseErr == nil && at.Addr().Is6() &&
		(errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL))
}

// ParseListener parses an address: [udp://]host:port, unixgram:///path or unix:///path
// (a stream). ?dialect=etsy, ?gauges=absolute|delta and
// ?tags=influx|librato|signalfx|graphite may follow, joined by &.
func ParseListener(s string) (l Listener, err error) {
	address, query, _ := strings.Cut(s, "?")
	l.Network = "udp"
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		l.Network, address = scheme, rest
	}
	l.Address = address
	switch l.Network {
	case "udp":
		if _, err := netip.ParseAddrPort(address); err != nil {
			return l, fmt.Errorf("statsd: %q: want ADDRESS:PORT with a numeric address, for example %s",
				s, setting.StatsdListen()[0])
		}
	case "unix", "unixgram":
		if !strings.HasPrefix(address, "/") {
			return l, fmt.Errorf("statsd: %q: want an absolute path, for example %s:///run/statsd.sock", s, l.Network)
		}
		if err := unixsocket.CheckPath(address); err != nil {
			return l, fmt.Errorf("statsd: %w", err)
		}
	default:
		return l, fmt.Errorf("statsd: %q: %q is none of udp, unixgram, unix", s, l.Network)
	}
	gauges := ""
	for o := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(o, "=")
		switch {
		case o == "":
		case key == "dialect" && value == "dogstatsd":
			l.Line.Dialect = line.DogStatsD
		case key == "dialect" && value == "etsy":
			l.Line.Dialect = line.Etsy
		case key == "gauges" && (value == "absolute" || value == "delta"):
			gauges = value
		case key == "tags" && styles[value] != line.NoNameTags:
			l.Line.NameTags = styles[value]
		default:
			return l, fmt.Errorf("statsd: %q: %q is none of dialect=dogstatsd|etsy, gauges=absolute|delta, "+
				"tags=influx|librato|signalfx|graphite", s, o)
		}
	}
	l.Line.GaugeDelta = gauges == "delta" || gauges == "" && l.Line.Dialect == line.Etsy
	return l, nil
}

var styles = map[string]line.Style{
	"influx": line.Influx, "librato": line.Librato, "signalfx": line.SignalFX, "graphite": line.Graphite,
}

func (o *Options) defaults() {
	if len(o.Listen) == 0 {
		o.Listen = Defaults()
	}
	if o.Workers <= 0 {
		o.Workers = 1
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.clock == nil {
		o.clock = newClock()
	}
}

// Loopback reports whether only this machine can send to the address.
func (l *Listener) Loopback() bool {
	if l.Network != "udp" {
		return true
	}
	host, _, err := net.SplitHostPort(l.Address)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}
