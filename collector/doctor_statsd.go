package collector

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"syscall"

	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/collector/statsd"
	"github.com/daytwo/daytwo/collector/statsd/intake"
	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// checkStatsd looks at what StatsD needs. It binds what is free for a moment, and
// sends nothing: a collector may run beside it.
func checkStatsd(cfg Config) []rpc.Check {
	if len(cfg.Statsd.Listen) == 0 {
		return []rpc.Check{{Name: "statsd", State: rpc.OK, Detail: "not in use"}}
	}
	running, checks := checkRunning(cfg)
	for _, a := range cfg.Statsd.Listen {
		l, err := statsd.ParseListener(a)
		if err != nil {
			checks = append(checks, rpc.Check{Name: "statsd " + a, State: rpc.Fail, Detail: err.Error(), Fix: "correct --statsd"})
			continue
		}
		checks = append(checks, checkListener(l, running))
	}
	checks = append(checks, checkBuffer(), checkPorts(cfg, running))
	if !cfg.NoBPF {
		checks = append(checks,
			tried("statsd steering", origin.TrySteering(), "containers' ports are steered onto one socket", "each container gets a socket, and is not heard in a network namespace of its own"),
			tried("statsd senders", origin.TrySender(), "senders to a shared port are known by their cgroups", "senders to a shared port are known only by what their lines say"),
			tried("statsd kernel drops", origin.TryDrops(), "what the kernel drops is counted by sender", "what the kernel drops is counted, but not by sender"))
	}
	return append(checks, checkStore(running))
}

// checkRunning finds the collector of this configuration, by its launch socket, and
// names others of this network namespace.
func checkRunning(cfg Config) (running int, checks []rpc.Check) {
	c := rpc.Check{Name: "statsd launch socket", State: rpc.OK, Detail: cfg.Socket + " is free"}
	if cfg.Socket != "" {
		cred, err := origin.Peer(cfg.Socket)
		info, _ := os.Lstat(cfg.Socket)
		switch {
		case err == nil:
			running = int(cred.Pid)
			c.Detail = fmt.Sprintf("%s: a collector runs, process %d", cfg.Socket, cred.Pid)
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, syscall.ECONNREFUSED) && info != nil && info.Mode().Type() == fs.ModeSocket:
			c.Detail += ", left by a collector that has ended"
		default:
			c.State, c.Detail, c.Fix = rpc.Fail, err.Error(), "remove what is there, or give --socket another path"
		}
		checks = append(checks, c)
	}
	claims, err := origin.Claims()
	if err != nil {
		return running, append(checks, rpc.Check{Name: "statsd collectors", State: rpc.Warn, Detail: err.Error(), Fix: "mount /proc"})
	}
	for _, o := range claims {
		if o.PID != running {
			checks = append(checks, rpc.Check{Name: "statsd collectors", State: rpc.OK, Detail: fmt.Sprintf("another one runs, and hands out the ports %v", o)})
		}
	}
	return running, checks
}

func checkListener(l statsd.Listener, running int) rpc.Check {
	c := rpc.Check{Name: "statsd " + l.String(), State: rpc.OK, Detail: "free"}
	h, held := statsd.HolderOf(l)
	switch at, err := netip.ParseAddrPort(l.Address); {
	case held && running != 0 && h.PID == running:
		c.Detail = fmt.Sprintf("the collector that runs has it, %v", h)
		return c
	case held:
		c.State, c.Detail, c.Fix = rpc.Fail, fmt.Sprintf("%v has it", h), "end that, or give --statsd other addresses (if it is a collector of other settings, give those: --data, --socket)"
		return c
	case l.Network != "udp":
		return c
	case err == nil:
		if _, _, err = intake.TryUDP(at); err == nil {
			break
		}
		fallthrough
	default:
		c.State, c.Detail, c.Fix = rpc.Fail, err.Error(), "give --statsd an address of this machine that may be used"
	}
	if !l.Loopback() && c.State == rpc.OK {
		c.State, c.Detail, c.Fix = rpc.Warn, c.Detail+"; whoever reaches it may send: StatsD asks nobody for a token", "use a loopback address, or see that strangers do not reach this one"
	}
	return c
}

// checkBuffer asks for the receive buffer that a listener asks for.
func checkBuffer() rpc.Check {
	asked, granted, err := intake.TryUDP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		return rpc.Check{Name: "statsd receive buffer", State: rpc.Fail, Detail: err.Error(), Fix: "see that sockets may be opened on 127.0.0.1"}
	}
	c := rpc.Check{Name: "statsd receive buffer", State: rpc.OK, Detail: fmt.Sprintf("%.1f MiB granted", float64(granted)/(1<<20))}
	if granted < asked {
		c.State = rpc.Warn
		c.Detail += fmt.Sprintf(" of %.0f: more is lost in a burst", float64(asked)/(1<<20))
		c.Fix = fmt.Sprintf("give it CAP_NET_ADMIN, or: sysctl -w net.core.rmem_max=%d", asked/2)
	}
	return c
}

// checkPorts looks at the range of ports for containers.
func checkPorts(cfg Config, running int) rpc.Check {
	const fix = "give --statsd-ports FIRST-LAST others"
	r := origin.ChoosePorts(cfg.Statsd.Ports)
	c := rpc.Check{Name: "statsd ports", State: rpc.OK, Detail: fmt.Sprintf("%d to %d for containers, none that the kernel gives to clients", r.First, r.Last)}
	if err := origin.CheckPorts(r); err != nil {
		c.State, c.Detail, c.Fix = rpc.Fail, err.Error(), fix
		return c
	}
	claims, _ := origin.Claims() // an error is told of elsewhere
	for _, o := range claims {
		if o.PortRange == r && o.PID == running {
			c.Detail = fmt.Sprintf("the collector that runs hands out %v", o)
			return c
		}
		if o.Overlaps(r) {
			c.State, c.Detail, c.Fix = rpc.Fail, fmt.Sprintf("%d to %d for containers: a collector hands out %v", r.First, r.Last, o), fix
			return c
		}
	}
	l := statsd.Listener{Network: "udp", Address: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), r.First).String()}
	if h, held := statsd.HolderOf(l); held && h.PID != running {
		c.State, c.Detail, c.Fix = rpc.Warn, fmt.Sprintf("%v has %s: containers' ports cannot be steered onto it, and each gets a socket", h, l.Address), "end that, or "+fix
	}
	return c
}

// tried is what became of a program that was loaded.
func tried(name string, err error, works, otherwise string) rpc.Check {
	if err == nil {
		return rpc.Check{Name: name, State: rpc.OK, Detail: works}
	}
	return rpc.Check{Name: name, State: rpc.Warn, Detail: fmt.Sprintf("%v: %s", err, otherwise), Fix: "run it as root on a kernel with BPF; see the checks of rights and kernel"}
}

// checkStore looks whether a service manager keeps sockets over a restart: that of
// the collector that runs, or else of whoever asks.
func checkStore(running int) rpc.Check {
	const name = "statsd sockets over a restart"
	kept := os.Getenv("NOTIFY_SOCKET") != ""
	if running != 0 {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", running))
		kept = err == nil && bytes.Contains(append([]byte{0}, b...), []byte("\x00NOTIFY_SOCKET="))
	}
	if kept {
		return rpc.Check{Name: name, State: rpc.OK, Detail: "a service manager keeps them, if it is told how many it may (FileDescriptorStoreMax=)"}
	}
	return rpc.Check{Name: name, State: rpc.OK, Detail: "nobody keeps them: what is sent during a restart is lost; run as a service the collector loses nothing (deploy/systemd)"}
}
