package enter

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// identity is what the first process of a container has, and its sessions get.
type identity struct {
	status
	uidMap, gidMap idmap
	setgroups      bool // groups may be set in the user namespace
	namespaces     namespaces
	env            []string // with which it was started
	limits         [len(limitNames)]unix.Rlimit
	oomScoreAdj    string
	coredumpFilter string
	timerSlack     uint64
	personality    uint64
	ioprio         uintptr
	sched          unix.SchedAttr
	affinity       unix.CPUSet
	label          label
	filters        []filter
}

const (
	maxStatus  = 1 << 20 // 65,536 groups, each with eleven characters at most
	maxEnviron = 4 << 20
	maxIDMap   = 64 << 10
)

// readIdentity reads what can be read without stopping the process.
func readIdentity(p *pinned) (id *identity, err error) {
	id = &identity{}
	text := func(name string, limit int64) string {
		b, rerr := p.read(name, limit)
		if rerr != nil && err == nil {
			err = rerr
		}
		return string(b)
	}
	failed := func(err error) error {
		if errors.Is(err, unix.ESRCH) {
			return because(Gone, err, "process %d of the container has ended", p.pid)
		}
		return because(NoParity, err, "process %d of the container cannot be examined", p.pid)
	}
	st := text("status", maxStatus)
	uids, gids := text("uid_map", maxIDMap), text("gid_map", maxIDMap)
	setgroups, limits := text("setgroups", 16), text("limits", maxStatus)
	environ := text("environ", maxEnviron)
	id.oomScoreAdj = strings.TrimSpace(text("oom_score_adj", 16))
	personality := strings.TrimSpace(text("personality", 32))
	if err != nil {
		return nil, failed(err)
	}
	if b, err := p.read("coredump_filter", 32); err == nil { // absent without CONFIG_ELF_CORE
		id.coredumpFilter = "0x" + strings.TrimSpace(string(b))
	}
	if b, err := p.read("timerslack_ns", 32); err == nil {
		id.timerSlack, _ = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64) // 0 leaves the default
	}
	if id.status, err = parseStatus(st); err == nil {
		id.uidMap, err = parseIDMap(uids)
	}
	if err == nil {
		id.gidMap, err = parseIDMap(gids)
	}
	if err == nil {
		id.limits, err = parseLimits(limits)
	}
	if err == nil {
		id.personality, err = strconv.ParseUint(personality, 16, 64)
	}
	if err != nil {
		return nil, failed(err)
	}
	id.setgroups = strings.TrimSpace(setgroups) != "deny"
	id.env = splitEnviron(environ)
	if id.namespaces, err = readNamespaces(p); err != nil {
		return nil, err
	}
	if id.label, err = readLabel(p); err != nil {
		return nil, failed(err)
	}
	if err := id.readScheduling(p.pid); err != nil {
		return nil, failed(err)
	}
	return id, p.alive()
}

// readScheduling reads what the kernel tells by the id of the process. The caller checks
// afterwards that it is still the same.
func (id *identity) readScheduling(pid int) error {
	a, err := unix.SchedGetAttr(pid, 0)
	if err != nil {
		return err
	}
	id.sched = *a
	if err := unix.SchedGetaffinity(pid, &id.affinity); err != nil {
		return err
	}
	const process = 1 // IOPRIO_WHO_PROCESS
	n, _, errno := unix.RawSyscall(unix.SYS_IOPRIO_GET, process, uintptr(pid), 0)
	if errno != 0 {
		return errno
	}
	id.ioprio = n
	return nil
}

// splitEnviron splits /proc/PID/environ. What is no assignment is left out: a process may
// overwrite that memory.
func splitEnviron(text string) (env []string) {
	for v := range strings.SplitSeq(text, "\x00") {
		if i := strings.IndexByte(v, '='); i > 0 {
			env = append(env, v)
		}
	}
	return env
}

// label is what a security module calls the process.
type label struct {
	file string // of /proc/self/attr, to which the label of the next program is written
	text string // what is written, "" for nothing
}

// readLabel reads the label of AppArmor or SELinux.
func readLabel(p *pinned) (l label, err error) {
	for _, m := range []struct{ current, exec, prefix string }{
		{"attr/apparmor/current", "attr/apparmor/exec", "exec "},
		{"attr/current", "attr/exec", ""},
	} {
		b, err := p.read(m.current, 4096)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EINVAL) {
			continue // no module of that kind
		}
		if err != nil {
			return l, err
		}
		text := strings.TrimRight(string(b), "\x00\n")
		prefix := m.prefix
		if name, _, ok := strings.Cut(text, " ("); ok && strings.HasSuffix(text, ")") { // AppArmor's "name (enforce)"
			text, prefix = name, "exec "
		}
		if text == "" || text == "unconfined" || text == "kernel" {
			return l, nil
		}
		return label{m.exec, prefix + text}, nil
	}
	return l, nil
}

// cpuSetSize is the size of unix.CPUSet in bytes.
const cpuSetSize = unsafe.Sizeof(unix.CPUSet{})
