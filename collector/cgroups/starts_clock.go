package cgroups

import (
	"bytes"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// bootClock is when the machine was booted, as /proc/stat has it: in whole
// seconds, so that a start is the same however often it is computed.
type bootClock struct {
	boot  int64         // Unix nanoseconds
	apart time.Duration // CLOCK_REALTIME less CLOCK_BOOTTIME when boot was read
}

func newBootClock() (c bootClock) {
	c.boot = readBootTime()
	c.apart = clocksApart()
	if c.boot == 0 {
		c.boot = int64(c.apart)
	}
	return c
}

// update reads the time again if the clock was set since.
func (c *bootClock) update() {
	const jitter = 100 * time.Millisecond
	if d := clocksApart() - c.apart; d > jitter || d < -jitter {
		*c = newBootClock()
	}
}

func clocksApart() time.Duration {
	var wall, boot unix.Timespec
	if unix.ClockGettime(unix.CLOCK_REALTIME, &wall) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return 0
	}
	return time.Duration(wall.Nano() - boot.Nano())
}

// readBootTime is btime of /proc/stat (proc_stat(5)), 0 if there is none.
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
