package containers

import (
	"bytes"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
)

// unixNano converts an RFC 3339 time to Unix nanoseconds. It returns 0 if the text is not
// such a time, or if the time is not between 1970 and 2262: runtimes write year 1 for a
// container that was never started.
func unixNano(rfc3339 string) int64 {
	at, err := time.Parse(time.RFC3339Nano, rfc3339)
	if err != nil || at.Year() < 1970 || at.Year() >= 2262 {
		return 0
	}
	return at.UnixNano()
}

// processStart returns when a process started, in Unix nanoseconds, or 0 if that cannot be
// read in time. It is the start of a container whose runtime does not report one.
func (r *Resolver) processStart(pid int) int64 {
	at, err := bounded.Do(r.calls.process, "start of pid="+strconv.Itoa(pid), processWait, func() (int64, error) {
		return r.proc.startedAt(pid), nil
	})
	if err != nil {
		return 0
	}
	return at
}

// startedAt returns when a process started, in Unix nanoseconds, or 0 if that cannot be
// read. It may block forever. The kernel reports the time of boot in whole seconds
// (btime in proc_stat(5)), so the result may be up to a second early.
func (p procfs) startedAt(pid int) int64 {
	const ticksPerSecond = 100 // USER_HZ
	b, err := readBounded(string(p)+"/stat", 1<<20)
	_, after, ok := bytes.Cut(b, []byte("\nbtime "))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	boot, parseErr := strconv.ParseInt(string(line), 10, 64)
	ticks := p.started(pid)
	const most = 1 << 33 // seconds; later than 2200, and no overflow below
	if err != nil || !ok || parseErr != nil || boot <= 0 || boot > most || ticks == 0 || ticks > most*ticksPerSecond/10 {
		return 0
	}
	return boot*1e9 + int64(ticks)*(1e9/ticksPerSecond)
}
