package cgroups

import (
	"bytes"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// bootClock holds when the machine was booted, according to /proc/stat. That time
// is in whole seconds, so the start of a group comes out the same each time it is
// computed.
type bootClock struct {
	boot  int64         // Unix nanoseconds
	apart time.Duration // CLOCK_REALTIME minus CLOCK_BOOTTIME when boot was read
}

func newBootClock() (c bootClock) {
	c.boot = readBootTime()
	c.apart = clocksApart()
	if c.boot == 0 {
		c.boot = int64(c.apart)
	}
	return c
}

// update reads the boot time again if the wall clock was set since it was read.
func (c *bootClock) update() {
	const jitter = 100 * time.Millisecond
	if d := clocksApart() - c.apart; d > jitter || d < -jitter {
		*c = newBootClock()
	}
}

// clocksApart returns CLOCK_REALTIME minus CLOCK_BOOTTIME, 0 if either cannot be read.
func clocksApart() time.Duration {
	var wall, boot unix.Timespec
	if unix.ClockGettime(unix.CLOCK_REALTIME, &wall) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return 0
	}
	return time.Duration(wall.Nano() - boot.Nano())
}

// readBootTime returns btime of /proc/stat (proc_stat(5)) in Unix nanoseconds, 0 if
// it cannot be read.
func readBootTime() int64 {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(b, []byte("\nbtime "))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	if v := parseValue(line); v > 0 {
		return v * 1e9
	}
	return 0
}
