package statsd

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/collector/statsd/intake"
	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// Doctor reports what a server with these options could use on this machine. addresses
// replace Options.Listen; either all of them are optional or none is. running is the pid
// of a collector that already runs with these options, or 0. Doctor binds no address
// that others know and sends nothing, so it does not disturb a running collector.
func Doctor(addresses []string, optional bool, o Options, running int) []health.Check {
	if len(addresses) == 0 {
		return []health.Check{{Name: "statsd", State: health.OK, Detail: "not in use"}}
	}
	var checks []health.Check
	for _, a := range addresses {
		l, err := ParseListener(a)
		if err != nil {
			checks = append(checks, health.Check{Name: "statsd " + a, State: health.Fail,
				Detail: err.Error(), Fix: "correct --statsd"})
			continue
		}
		l.Optional = optional
		checks = append(checks, checkListener(l, running))
	}
	if o.RulesFile != "" {
		checks = append(checks, o.checkRules())
	}
	checks = append(checks, checkBuffer())
	checks = append(checks, checkClaims(running)...)
	checks = append(checks, checkPorts(o.Ports, running))
	if !o.NoBPF {
		checks = append(checks,
			tried("statsd steering", origin.TrySteering(), "containers' ports are steered onto one socket",
				"each container gets a socket, and packets from a network namespace of its own are not received"),
			tried("statsd senders", origin.TrySender(), "senders to a shared port are known by their cgroups",
				"senders to a shared port are known only by what their lines say"),
			tried("statsd kernel drops", origin.TryDrops(), "what the kernel drops is counted by sender",
				"what the kernel drops is counted, but not by sender"))
	}
	return append(checks, checkStore(running))
}

func (o *Options) checkRules() health.Check {
	if _, err := o.rules(); err != nil {
		return health.Check{Name: "statsd rules", State: health.Fail,
			Detail: err.Error(), Fix: "correct the file, or --statsd-rules"}
	}
	return health.Check{Name: "statsd rules", State: health.OK, Detail: o.RulesFile}
}

// checkClaims lists the other collectors in this network namespace.
func checkClaims(running int) (checks []health.Check) {
	claims, err := origin.Claims()
	if err != nil {
		return []health.Check{{Name: "statsd collectors", State: health.Warn, Detail: err.Error(), Fix: "mount /proc"}}
	}
	for _, o := range claims {
		if o.PID != running {
			checks = append(checks, health.Check{Name: "statsd collectors", State: health.OK,
				Detail: fmt.Sprintf("another one runs, and hands out the ports %v", o)})
		}
	}
	return checks
}

func checkListener(l Listener, running int) health.Check {
	c := health.Check{Name: "statsd " + l.String(), State: health.OK, Detail: "free"}
	h, held := HolderOf(l)
	switch {
	case held && running != 0 && h.PID == running:
		c.Detail = fmt.Sprintf("the collector that runs has it, %v", h)
		return c
	case held:
		c.State, c.Detail = health.Fail, fmt.Sprintf("%v has it", h)
		c.Fix = "end that, or give --statsd other addresses (if it is a collector of other settings, give those: --data, " +
			"--socket)"
		return c
	case l.Network != "udp":
		return c
	}
	if err := tryAddress(l.Address); l.Off(err) {
		c.Detail = "not in use: there is no IPv6 here"
	} else if err != nil {
		c.State, c.Detail, c.Fix = health.Fail, err.Error(), "give --statsd an address of this machine that may be used"
	} else if !l.Loopback() {
		c.State, c.Detail = health.Warn, c.Detail+"; StatsD has no authentication: every host that can reach it may send"
		c.Fix = "use a loopback address, or see that strangers do not reach this one"
	}
	return c
}

// tryAddress returns why a free address cannot be listened on, or nil. It binds another
// port of the address, so that it neither receives packets for the collector nor blocks
// one that starts.
func tryAddress(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if err := intake.MayBind(at.Port()); err != nil {
		return fmt.Errorf("listen on udp %s: %w", at, err)
	}
	if _, _, err := intake.TryUDP(netip.AddrPortFrom(at.Addr(), 0)); err != nil {
		return err
	}
	return nil
}

// checkBuffer requests the same receive buffer as a listener does.
func checkBuffer() health.Check {
	asked, granted, err := intake.TryUDP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		return health.Check{Name: "statsd receive buffer", State: health.Fail,
			Detail: err.Error(), Fix: "see that sockets may be opened on 127.0.0.1"}
	}
	c := health.Check{Name: "statsd receive buffer", State: health.OK,
		Detail: fmt.Sprintf("%.1f MiB granted", float64(granted)/(1<<20))}
	if granted < asked {
		c.State = health.Warn
		c.Detail += fmt.Sprintf(" of %.0f: more is lost in a burst", float64(asked)/(1<<20))
		c.Fix = fmt.Sprintf("give it CAP_NET_ADMIN, or: sysctl -w net.core.rmem_max=%d", asked/2)
	}
	return c
}

// checkPorts checks the range of ports for containers.
func checkPorts(given launch.PortRange, running int) health.Check {
	const fix = "give --statsd-ports FIRST-LAST others"
	r := origin.ChoosePorts(given)
	c := health.Check{Name: "statsd ports", State: health.OK,
		Detail: fmt.Sprintf("%d to %d for containers, none that the kernel gives to clients", r.First, r.Last)}
	if err := origin.CheckPorts(r); err != nil {
		c.State, c.Detail, c.Fix = health.Fail, err.Error(), fix
		return c
	}
	claims, _ := origin.Claims() // another check reports the error
	for _, o := range claims {
		if o.PortRange == r && o.PID == running {
			c.Detail = fmt.Sprintf("the collector that runs hands out %v", o)
			return c
		}
		if o.Overlaps(r) {
			c.State, c.Fix = health.Fail, fix
			c.Detail = fmt.Sprintf("%d to %d for containers: a collector hands out %v", r.First, r.Last, o)
			return c
		}
	}
	l := Listener{Network: "udp", Address: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), r.First).String()}
	if h, held := HolderOf(l); held && h.PID != running {
		c.State, c.Detail, c.Fix = health.Warn,
			fmt.Sprintf("%v has %s: containers' ports cannot be steered onto it, and each gets a socket", h, l.Address),
			"end that, or "+fix
	}
	return c
}

// tried converts the result of loading a program to a check.
func tried(name string, err error, works, otherwise string) health.Check {
	if err == nil {
		return health.Check{Name: name, State: health.OK, Detail: works}
	}
	return health.Check{Name: name, State: health.Warn,
		Detail: fmt.Sprintf("%v: %s", err, otherwise),
		Fix:    "run it as root on a kernel with BPF; see the checks of rights and kernel"}
}

// checkStore checks whether a service manager preserves sockets over a restart: that of
// the running collector, or else that of the calling process.
func checkStore(running int) health.Check {
	const name = "statsd sockets over a restart"
	kept := os.Getenv("NOTIFY_SOCKET") != ""
	if running != 0 {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", running))
		kept = err == nil && bytes.Contains(append([]byte{0}, b...), []byte("\x00NOTIFY_SOCKET="))
	}
	if kept {
		return health.Check{Name: name, State: health.OK,
			Detail: "a service manager keeps them, if it is told how many it may (FileDescriptorStoreMax=)"}
	}
	return health.Check{Name: name, State: health.OK,
		Detail: "nobody keeps them: what is sent during a restart is lost; run as a service the collector loses nothing " +
			"(deploy/systemd)"}
}
