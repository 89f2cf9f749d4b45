package enter

import (
	"strings"
	"time"
)

const (
	startWithin = 2 * time.Second
	forkNoExec  = 0x40 // PF_FORKNOEXEC: a process that was forked and has executed nothing
)

// waitStarted waits until the first process is no longer the runtime, which forks it, sets
// it up, and at last executes the container's command. Until then it may have rights that
// the container shall not have.
func (p *pinned) waitStarted(t Target) error {
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		starting, err := p.starting()
		if err != nil {
			return because(Gone, err, "%s: process %d has ended", t, t.PID)
		}
		if !starting {
			return nil
		}
		if time.Since(begin) > startWithin {
			return refuse(Starting, "%s has been created and not yet started", t)
		}
	}
}

// starting reports whether the process is still the runtime. The first process of a pid
// namespace is, if it has executed nothing. Another one may be a daemon, which has put
// itself into the background; there, the names tell that the runtimes give to theirs.
func (p *pinned) starting() (bool, error) {
	stat, err := p.read("stat", 4096)
	if err != nil {
		return false, err
	}
	_, flags, _, err := parseStat(stat)
	if err != nil {
		return false, err
	}
	if flags&forkNoExec == 0 {
		return !executed(stat), nil // it may be about to
	}
	comm, err := p.read("comm", 64)
	if err != nil {
		return false, err
	}
	name := strings.TrimSpace(string(comm))
	if strings.HasSuffix(name, ":INIT]") || name == "crun" || name == "libcrun" {
		return true, nil
	}
	status, err := p.read("status", maxStatus)
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "NSpid:"); ok {
			f := strings.Fields(v)
			return len(f) > 1 && f[len(f)-1] == "1", nil
		}
	}
	return false, nil
}
