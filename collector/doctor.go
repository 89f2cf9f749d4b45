package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/collector/cgroups"
	"github.com/daytwo/daytwo/collector/containers"
	"github.com/daytwo/daytwo/collector/host"
)

// Doctor looks at everything that a collector of this configuration would use
// and says what works, what works by a fallback, and what to do. It leaves
// nothing behind.
func Doctor(ctx context.Context, cfg Config) ([]rpc.Check, error) {
	quiet := slog.New(slog.DiscardHandler)
	cfg.Log = quiet
	checks := []rpc.Check{checkAgentID(cfg), checkRights(), checkBTF()}
	checks = append(checks, checkCgroups(cfg)...)
	checks = append(checks, checkHost()...)
	checks = append(checks, checkRuntimes(ctx)...)
	checks = append(checks, checkStatsd(cfg)...)
	return append(checks, checkFiles(), checkData(cfg.DataDir)), nil
}

func checkAgentID(cfg Config) rpc.Check {
	if err := cfg.defaults(); err != nil {
		return rpc.Check{Name: "configuration", State: rpc.Fail, Detail: err.Error(), Fix: "correct the flag, key or variable that it names"}
	}
	return rpc.Check{Name: "agent id", State: rpc.OK, Detail: cfg.AgentID}
}

// checkRights asks for the capabilities that reading everything takes
// (capabilities(7)).
func checkRights() rpc.Check {
	c := rpc.Check{Name: "rights", State: rpc.OK, Detail: fmt.Sprintf("user id %d", os.Geteuid())}
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		c.State, c.Detail = rpc.Warn, "capget: "+err.Error()
		return c
	}
	var lacks []string
	for _, n := range []struct {
		bit  int
		name string
	}{{unix.CAP_BPF, "CAP_BPF"}, {unix.CAP_PERFMON, "CAP_PERFMON"}, {unix.CAP_SYS_PTRACE, "CAP_SYS_PTRACE"}, {unix.CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"}} {
		if data[n.bit/32].Effective&(1<<(n.bit%32)) == 0 {
			lacks = append(lacks, n.name)
		}
	}
	if len(lacks) > 0 {
		c.State = rpc.Warn
		c.Detail += ", without " + strings.Join(lacks, ", ")
		c.Fix = "run it as root, or give it these capabilities; without them it reads what it can from files"
	}
	return c
}

func checkBTF() rpc.Check {
	var u unix.Utsname
	release := "unknown"
	if unix.Uname(&u) == nil {
		release = unix.ByteSliceToString(u.Release[:])
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		return rpc.Check{Name: "kernel", State: rpc.Warn, Detail: "Linux " + release + " without BTF", Fix: "use a kernel with CONFIG_DEBUG_INFO_BTF=y; until then cgroups are read from files"}
	}
	return rpc.Check{Name: "kernel", State: rpc.OK, Detail: "Linux " + release + ", BTF is there"}
}

func checkCgroups(cfg Config) []rpc.Check {
	layout, err := cgroups.Detect()
	if err != nil {
		return []rpc.Check{{Name: "cgroups", State: rpc.Fail, Detail: err.Error(), Fix: "mount a hierarchy, or run on the host instead of in a container"}}
	}
	var dirs []string
	for _, m := range layout.Mounts {
		dirs = append(dirs, m.Dir)
	}
	checks := []rpc.Check{{Name: "cgroups", State: rpc.OK, Detail: layout.Mode + ": " + strings.Join(dirs, " ")}}
	r, err := cgroups.New(cgroups.Options{NoBPF: cfg.NoBPF, Layout: layout, Log: cfg.Log})
	if err != nil {
		return append(checks, rpc.Check{Name: "cgroup reader", State: rpc.Fail, Detail: err.Error()})
	}
	defer r.Close()
	start := time.Now()
	s, err := r.Read()
	if err != nil {
		return append(checks, rpc.Check{Name: "cgroup reader", State: rpc.Fail, Detail: err.Error()})
	}
	checks = append(checks, rpc.Check{Name: "cgroup reader", State: rpc.OK, Detail: fmt.Sprintf("%d cgroups in %v", len(s.Groups), time.Since(start).Round(time.Microsecond))})
	for _, st := range r.Status() {
		c := rpc.Check{Name: "reading " + st.Part.String(), State: rpc.OK, Detail: "by " + st.Reader}
		if st.Reason != "" {
			c.Detail += ": " + st.Reason
		}
		switch {
		case st.Reader == "none":
			c.State, c.Detail = rpc.Warn, "not read: "+st.Reason
		case st.Reader != "bpf" && !cfg.NoBPF:
			c.State = rpc.Warn
		}
		checks = append(checks, c)
	}
	return checks
}

func checkHost() []rpc.Check {
	r, err := host.New(host.Options{})
	if err != nil {
		return []rpc.Check{{Name: "host", State: rpc.Fail, Detail: err.Error()}}
	}
	defer r.Close()
	r.Read(time.Now())
	checks := []rpc.Check{}
	for _, st := range r.Status() {
		state := rpc.Warn
		if st.Missing {
			state = rpc.OK // absent, as this kernel is
		}
		checks = append(checks, rpc.Check{Name: "host " + st.Source, State: state, Detail: st.Reason})
	}
	if len(checks) == 0 {
		checks = append(checks, rpc.Check{Name: "host", State: rpc.OK, Detail: "everything is read"})
	}
	return checks
}

// checkRuntimes gives every runtime a moment to answer.
func checkRuntimes(ctx context.Context) []rpc.Check {
	ctx, cancel := context.WithCancel(ctx)
	r := containers.New(containers.Options{Log: slog.New(slog.DiscardHandler)})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Run(ctx) // ends when it is told to, with nothing more to say
	}()
	select {
	case <-ctx.Done():
	case <-time.After(1500 * time.Millisecond):
	}
	status := r.Status()
	cancel()
	<-ended
	var checks []rpc.Check
	for _, st := range status {
		c := rpc.Check{Name: "runtime " + st.Runtime, State: rpc.OK, Detail: fmt.Sprintf("%s: %d containers", st.Socket, st.Containers)}
		if !st.Connected {
			c.Detail = "not in use: " + st.Reason // no fault: few machines have every runtime
		}
		checks = append(checks, c)
	}
	return checks
}

func checkFiles() rpc.Check {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return rpc.Check{Name: "open files", State: rpc.Warn, Detail: err.Error()}
	}
	c := rpc.Check{Name: "open files", State: rpc.OK, Detail: fmt.Sprintf("up to %d", lim.Max)}
	if lim.Max < 4096 {
		c.State, c.Fix = rpc.Warn, "allow more (LimitNOFILE= of the service): files beyond the limit are opened at every tick, which is slower"
	}
	return c
}

// checkData writes a file into the data directory, or into the closest parent
// that is there, and removes it.
func checkData(dir string) rpc.Check {
	c := rpc.Check{Name: "data directory", State: rpc.OK, Detail: dir}
	at := dir
	for at != "/" {
		if _, err := os.Stat(at); err == nil {
			break
		}
		at = filepath.Dir(at)
	}
	f, err := os.CreateTemp(at, ".daytwo-doctor-")
	if err == nil {
		_, err = f.Write(make([]byte, 4096))
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		c.State, c.Detail, c.Fix = rpc.Fail, err.Error(), "give --data a directory on a disk with room that can be written"
		return c
	}
	var st unix.Statfs_t
	if unix.Statfs(at, &st) == nil {
		free := st.Bavail * uint64(st.Bsize)
		c.Detail += fmt.Sprintf(", %.1f GiB free", float64(free)/(1<<30))
		if free < 1<<30 {
			c.State, c.Fix = rpc.Warn, "make room: history and spool grow up to their bounds (--retention-size, --spool-size)"
		}
	}
	return c
}
