package collector

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/plaintext"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/collector/cgroups"
	"github.com/daytwo/daytwo/collector/containers"
	"github.com/daytwo/daytwo/collector/host"
	"github.com/daytwo/daytwo/collector/journal/logs"
	"github.com/daytwo/daytwo/collector/publish"
	"github.com/daytwo/daytwo/collector/sessions"
	"github.com/daytwo/daytwo/collector/shipping"
	"github.com/daytwo/daytwo/collector/statsd"
)

// checkTimeout is how long Doctor waits for the checks of one package. A test makes it
// longer: on a busy machine the kernel may take as long to verify a program.
var checkTimeout = 15 * time.Second

// Doctor checks everything that a collector with this configuration would use on
// this machine. It reports what works, what works only through a fallback, and how
// to fix what does not work. It leaves no files behind, and does not disturb a
// running collector.
func Doctor(ctx context.Context, cfg Config) []health.Check {
	cfg.Log = slog.New(slog.DiscardHandler)
	var checks []health.Check
	if err := cfg.defaults(); err != nil {
		checks = append(checks, health.Check{Name: "configuration", State: health.Fail, Detail: err.Error(),
			Fix: "correct the flag, key or variable that it names"})
	}
	rooms := []health.Group{
		{Name: "agent id", Doctor: func() []health.Check {
			return []health.Check{cfg.checkID(), checkRights(), checkBTF()}
		}},
		{Name: "cgroups", Doctor: func() []health.Check {
			return cgroups.Doctor(cgroups.Options{NoBPF: cfg.NoBPF, Log: cfg.Log})
		}},
		{Name: "host", Doctor: func() []health.Check { return host.Doctor(host.Options{Log: cfg.Log}) }},
		{Name: "runtimes", Doctor: func() []health.Check {
			return containers.Doctor(ctx, containers.Options{Log: cfg.Log})
		}},
		{Name: "statsd", Doctor: func() []health.Check {
			running, socket := launch.Doctor(cfg.Socket)
			return append([]health.Check{socket},
				statsd.Doctor(cfg.Statsd.Listen, cfg.Statsd.Optional, statsdOptions(&cfg), running)...)
		}},
		{Name: "node metrics", Doctor: func() []health.Check {
			if cfg.Metrics == "" {
				return nil
			}
			return []health.Check{server.Doctor(ctx, "node metrics", cfg.Metrics, "--metrics")}
		}},
		{Name: "logs", Doctor: func() []health.Check {
			if cfg.Logs.Off {
				return nil
			}
			return logs.Doctor(cfg.Logs.Dirs)
		}},
		{Name: "sessions", Doctor: func() []health.Check {
			if cfg.NoPublish {
				return nil
			}
			return sessions.Doctor(cfg.sessionOptions())
		}},
		{Name: "publish", Doctor: func() []health.Check { return checkPublish(ctx, cfg) }},
		{Name: "data directory", Doctor: func() []health.Check { return []health.Check{checkData(cfg.DataDir)} }},
	}
	return append(append(checks, health.Gather(checkTimeout, rooms...)...), checkFiles())
}

// checkID reports the agent id. It creates none.
func (c *Config) checkID() health.Check {
	check := health.Check{Name: "agent id", State: health.OK}
	id, err := c.findAgentID()
	switch {
	case err != nil:
		check.State, check.Detail, check.Fix = health.Fail, err.Error(), "give --agent-id"
	case id == "":
		check.Detail = "none yet: this machine has no machine id, so the first start makes one and keeps it in " +
			agentIDFile(c.DataDir)
	default:
		check.Detail = id
	}
	return check
}

// findAgentID returns the configured id, else the machine's, else the stored one,
// or "" if there is none.
func (c *Config) findAgentID() (string, error) {
	if c.AgentID != "" {
		return c.AgentID, nil
	}
	return findAgentID(c.DataDir)
}

// checkPublish connects to NATS as the collector would, and checks publishing and
// the spool. With NoPublish it does not connect.
func checkPublish(ctx context.Context, cfg Config) (checks []health.Check) {
	if err := cfg.useEnrolled(); err != nil {
		return []health.Check{{Name: "nats", State: health.Fail, Detail: err.Error(),
			Fix: "see 'daytwo node enroll --help'"}}
	}
	o := publish.Options{Cluster: cfg.Cluster, SpoolDir: cfg.spoolDir(), Log: cfg.Log}
	if !cfg.NoPublish {
		cfg.NATS.Agent, _ = cfg.findAgentID() // checkID reports the error
		cfg.NATS.Log = cfg.Log
		exposed, err := cfg.NATS.Exposures()
		checks = plaintext.Doctor(exposed, cfg.NATS.Insecure)
		if len(exposed) > 0 && !cfg.NATS.Insecure {
			return checks
		}
		var conn *nats.Conn
		if err == nil {
			conn, err = bus.Connect(cfg.NATS)
		}
		if err != nil {
			return []health.Check{{Name: "nats", State: health.Fail, Detail: err.Error(),
				Fix: "correct --nats, --nats-creds, --nats-ca, --nats-cert or --nats-key"}}
		}
		defer conn.Close()
		o.Conn = conn
	}
	checks = append(checks, publish.Doctor(ctx, o)...)
	if check, ok := checkCredential(cfg.NATS.Credentials); ok {
		checks = append(checks, check)
	}
	if cfg.Shipping.On {
		checks = append(checks, shipping.Doctor(ctx, o.Conn, cfg.Cluster, cfg.DataDir, cfg.Shipping.RulesFile)...)
	}
	return checks
}

// checkRights reports whether this process has the capabilities that it takes to
// read everything (capabilities(7)).
func checkRights() health.Check {
	c := health.Check{Name: "rights", State: health.OK, Detail: fmt.Sprintf("user id %d", os.Geteuid())}
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		c.State, c.Detail = health.Warn, "capget: "+err.Error()
		return c
	}
	var lacks []string
	for _, n := range []struct {
		bit  int
		name string
	}{
		{unix.CAP_BPF, "CAP_BPF"}, {unix.CAP_PERFMON, "CAP_PERFMON"},
		{unix.CAP_SYS_PTRACE, "CAP_SYS_PTRACE"}, {unix.CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"},
	} {
		if data[n.bit/32].Effective&(1<<(n.bit%32)) == 0 {
			lacks = append(lacks, n.name)
		}
	}
	if len(lacks) > 0 {
		c.State = health.Warn
		c.Detail += ", without " + strings.Join(lacks, ", ")
		c.Fix = "run it as root, or give it these capabilities; without them it reads what it can from files"
	}
	return c
}

// checkBTF reports the kernel's release, and whether the kernel has BTF.
func checkBTF() health.Check {
	var u unix.Utsname
	release := "unknown"
	if unix.Uname(&u) == nil {
		release = unix.ByteSliceToString(u.Release[:])
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		return health.Check{Name: "kernel", State: health.Warn, Detail: "Linux " + release + " without BTF",
			Fix: "use a kernel with CONFIG_DEBUG_INFO_BTF=y; until then cgroups are read from files"}
	}
	return health.Check{Name: "kernel", State: health.OK, Detail: "Linux " + release + ", BTF is there"}
}

// checkFiles reports how many files this process may have open (RLIMIT_NOFILE).
func checkFiles() health.Check {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return health.Check{Name: "open files", State: health.Warn, Detail: err.Error()}
	}
	c := health.Check{Name: "open files", State: health.OK, Detail: fmt.Sprintf("up to %d", lim.Max)}
	if lim.Max < 4096 {
		c.State = health.Warn
		c.Fix = "allow more (LimitNOFILE= of the service): files beyond the limit are opened at every tick, which is slower"
	}
	return c
}
