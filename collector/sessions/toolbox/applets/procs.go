package applets

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

func init() {
	add("ps", ps)
	add("kill", kill)
	add("pidof", pidof)
}

// ticks are how many of /proc's units of time a second has, on every architecture.
const ticks = 100

// process is a process that can be seen here.
type process struct {
	procfs.ProcStat
	uid     uint64
	command string
}

func (p *process) cpu() time.Duration { return time.Duration(p.UTime+p.STime) * (time.Second / ticks) }

// processes lists all processes; one that ends meanwhile is left out.
func processes() (all []process, err error) {
	list, err := procfs.AllProcs()
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		stat, err := p.Stat()
		if err != nil {
			continue
		}
		one := process{ProcStat: stat, command: "[" + stat.Comm + "]"}
		if status, err := p.NewStatus(); err == nil {
			one.uid = status.UIDs[1]
		}
		if args, err := p.CmdLine(); err == nil && len(args) > 0 {
			one.command = strings.Join(args, " ")
		}
		one.command = Printable(one.command)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b process) int { return a.PID - b.PID })
	return all, nil
}

// userNames finds names of users in the container's own files.
type userNames map[uint64]string

func (n userNames) of(uid uint64) string {
	name, ok := n[uid]
	if !ok {
		name = strconv.FormatUint(uid, 10)
		if u, err := user.LookupId(name); err == nil {
			name = Printable(u.Username)
		}
		n[uid] = name
	}
	return name
}

// groupNames finds names of groups in the same way.
type groupNames map[uint32]string

func (n groupNames) of(gid uint32) string {
	name, ok := n[gid]
	if !ok {
		name = strconv.FormatUint(uint64(gid), 10)
		if g, err := user.LookupGroupId(name); err == nil {
			name = Printable(g.Name)
		}
		n[gid] = name
	}
	return name
}

// ps lists all processes, whatever flags of other systems are given.
func ps(args []string) int {
	if slices.Contains(args, "--help") {
		fmt.Fprintln(os.Stderr, "Usage: ps\nLists all processes; flags of other systems, as aux, change nothing.")
		return 0
	}
	all, err := processes()
	if err != nil {
		return complain("ps", err)
	}
	names := userNames{}
	fmt.Printf("%7s %7s %-10s %-4s %8s %8s %s\n", "PID", "PPID", "USER", "STAT", "RSS KiB", "TIME", "COMMAND")
	for i := range all {
		p := &all[i]
		fmt.Printf("%7d %7d %-10s %-4s %8d %8s %s\n", p.PID, p.PPID, names.of(p.uid), p.State,
			p.ResidentMemory()/1024, clock(p.cpu()), p.command)
	}
	return 0
}

// clock formats a time as minutes and seconds.
func clock(d time.Duration) string {
	s := int(d / time.Second)
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// pidof prints the processes of a program.
func pidof(args []string) int {
	all, err := processes()
	if err != nil {
		return complain("pidof", err)
	}
	var found []string
	for _, p := range all {
		if slices.Contains(args, p.Comm) {
			found = append(found, strconv.Itoa(p.PID))
		}
	}
	if len(found) == 0 {
		return 1
	}
	fmt.Println(strings.Join(found, " "))
	return 0
}

// kill sends a signal to processes: kill [-SIGNAL | -s SIGNAL] PID..., kill -l.
func kill(args []string) int {
	sig := unix.SIGTERM
	if len(args) > 0 && args[0] == "-l" {
		for n := 1; n <= 31; n++ {
			fmt.Printf("%2d %s\n", n, strings.TrimPrefix(unix.SignalName(unix.Signal(n)), "SIG"))
		}
		return 0
	}
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && args[0] != "--" {
		name := args[0][1:]
		args = args[1:]
		if name == "s" && len(args) > 0 {
			name, args = args[0], args[1:]
		}
		n, err := strconv.Atoi(name)
		if err != nil {
			n = int(unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG")))
		}
		if err == nil && (n < 0 || n > 64) || err != nil && n == 0 {
			return complain("kill", fmt.Errorf("there is no signal %s ('kill -l' lists them)", name))
		}
		sig = unix.Signal(n)
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "Usage: kill [-SIGNAL] PID...")
		return 2
	}
	status := 0
	for _, a := range args {
		pid, err := strconv.Atoi(a)
		if err == nil {
			err = unix.Kill(pid, sig)
		}
		if err != nil {
			status = complain("kill", fmt.Errorf("%s: %w", a, err))
		}
	}
	return status
}
