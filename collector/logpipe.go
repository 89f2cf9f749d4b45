package collector

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/launcher/logpipe"
)

// LogPipeConfig is the command line of 'daytwo log-pipe'.
type LogPipeConfig struct {
	StdoutFD, StderrFD     int    // descriptors to read, -1 for none
	StdoutFifo, StderrFifo string // named pipes to read, "" for none
	Tee                    bool   // copy what is read to standard output and standard error

	Identifier string
	Labels     []string // KEY=VALUE
	OriginEnv  bool     // take origin tags from the environment
	Namespace  string   // of the journal

	Priority, StderrPriority string // names or numbers of syslog
	LevelPrefix, StripCR     bool
	LineMax                  int64         // bytes
	PartialAfter             time.Duration // 0 for never
	Drop                     bool
	Buffer                   int64 // bytes
	ExitWait                 time.Duration
	Stats                    bool
}

// InvalidLogPipe is the error of a command line that LogPipe cannot obey.
type InvalidLogPipe struct{ error }

func (e InvalidLogPipe) Unwrap() error { return e.error }

// LogPipe writes what a program prints to journald, until the program has closed its
// output. It returns an error if a line did not reach journald, or may not have.
func LogPipe(ctx context.Context, c LogPipeConfig) error {
	o := logpipe.Options{
		Socket: logpipe.Socket(c.Namespace), LevelPrefix: c.LevelPrefix, StripCR: c.StripCR, LineMax: int(c.LineMax),
		PartialAfter: c.PartialAfter, Drop: c.Drop, Buffer: int(c.Buffer), ExitWait: c.ExitWait,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	began := time.Now()
	o.Suppressed = func() (uint64, error) { return suppressedSince(began) }
	var err error
	if o.Fields, err = c.fields(os.Environ()); err == nil {
		err = o.Check()
	}
	if err != nil {
		return InvalidLogPipe{err}
	}
	for _, s := range []struct {
		stream, fifo, priority string
		fd, tee                int
	}{{"STDOUT", c.StdoutFifo, c.Priority, c.StdoutFD, 1}, {"STDERR", c.StderrFifo, c.StderrPriority, c.StderrFD, 2}} {
		if s.fifo != "" {
			var end func()
			if s.fd, end, err = openFifo(s.fifo); err != nil {
				return err
			}
			defer unix.Close(s.fd)
			defer end()
			defer context.AfterFunc(ctx, end)()
		} else if s.fd >= 0 {
			if err := checkHanded(s.fd); err != nil {
				return InvalidLogPipe{err}
			}
		} else {
			continue
		}
		priority, err := logpipe.ParsePriority(s.priority)
		if err != nil {
			return InvalidLogPipe{err}
		}
		if !c.Tee {
			s.tee = -1
		}
		o.Sources = append(o.Sources, logpipe.Source{FD: s.fd, Stream: s.stream, Priority: priority, Tee: s.tee})
	}
	stats, err := logpipe.Run(ctx, o)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
		err = fmt.Errorf("%w (is journald running? --journal-namespace says which one)", err)
	}
	if err != nil {
		return err
	}
	if c.Stats {
		o.Log.Info("the output has ended", stats.Attrs()...)
	}
	if stats.Lost() {
		return fmt.Errorf("of %d lines, %d did not reach the journal, and %d may not have: "+
			"see whether journald runs, and whether it limits the rate",
			stats.Lines, stats.DroppedLines+stats.Suppressed, stats.Unconfirmed)
	}
	return nil
}

// fields returns the fields of every entry.
func (c *LogPipeConfig) fields(env []string) (fields []logpipe.Field, err error) {
	add := func(label, value string) error {
		name, err := logpipe.FieldName(label)
		if err != nil {
			return fmt.Errorf("label %s: %w", label, err)
		}
		fields = append(fields, logpipe.Field{Name: name, Value: value})
		return nil
	}
	has := func(name string) (value string) {
		for _, f := range fields {
			if f.Name == name {
				return f.Value
			}
		}
		return ""
	}
	for _, l := range c.Labels {
		k, v, ok := strings.Cut(l, "=")
		if !ok {
			return nil, fmt.Errorf("label %q: write KEY=VALUE", l)
		}
		if err := add(k, v); err != nil {
			return nil, err
		}
	}
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		known := slices.ContainsFunc(metric.OriginTags[:], func(tag string) bool { return strings.ToUpper(tag) == name })
		if c.OriginEnv && known && value != "" && has(name) == "" {
			if err := add(name, value); err != nil {
				return nil, err
			}
		}
	}
	if c.Identifier == "" {
		if c.Identifier = has("TASK_NAME"); c.Identifier == "" {
			c.Identifier = "log-pipe"
		}
	}
	if has("SYSLOG_IDENTIFIER") == "" {
		err = add("SYSLOG_IDENTIFIER", c.Identifier)
	}
	return fields, err
}

// checkHanded returns an error unless a descriptor was open when this process began:
// those that were opened since have close-on-exec.
func checkHanded(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC != 0 {
		return fmt.Errorf("descriptor %d is not open: start 'daytwo log-pipe' with it, as a shell does with "+
			"'%d</run/app/log'",
			fd, fd)
	}
	return nil
}

// openFifo opens a named pipe to read it, and makes it if there is none. The pipe does
// not end when its last writer closes it, until end was called.
func openFifo(path string) (fd int, end func(), err error) {
	if err := unix.Mkfifo(path, 0o600); err != nil && err != unix.EEXIST {
		return -1, nil, fmt.Errorf("make the named pipe %s: %w", path, err)
	}
	open := func(flags int) (int, error) {
		fd, err := unix.Open(path, flags|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		if err != nil {
			return -1, fmt.Errorf("open the named pipe %s: %w", path, err)
		}
		return fd, nil
	}
	if fd, err = open(unix.O_RDONLY); err != nil {
		return -1, nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFIFO {
		err = fmt.Errorf("%s is not a named pipe: remove it, or give another path", path)
	}
	var writer int
	if err == nil {
		writer, err = open(unix.O_WRONLY)
	}
	if err != nil {
		unix.Close(fd)
		return -1, nil, err
	}
	f := os.NewFile(uintptr(writer), path) // closes once, however often it is told to
	return fd, func() { f.Close() }, nil
}
