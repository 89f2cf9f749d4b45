package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/collector/journal"
)

// journalResult is what reading the journal once took.
type journalResult struct {
	name    string
	entries int
	wall    time.Duration
	cpu     time.Duration // of all processes that took part
}

// benchJournal reads the same files by daytwo and by the tools of systemd, on one core.
func benchJournal(r *report) error {
	dir, err := makeJournal()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files, size := journalSize(dir)
	r.printf("%d entries of %d services and %d containers in %d files (%d MB), written by systemd-journal-remote; the "+
		"page cache is warm. CPU is of all processes that take part; each reader may use one core, and prints to "+
		"/dev/null.\n\n",
		journalEntries, journalUnits, journalContainers, files, size>>20)
	r.printf("| reader | entries/s | CPU for 1 million | of daytwo's time |\n|---|---:|---:|---:|\n")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	j := journal.Open(journal.Options{Dirs: []string{dir}, Log: slog.New(slog.DiscardHandler)})
	defer j.Close()
	for _, format := range []string{"json", "export", "cat"} {
		own, err := measureJournal("daytwo, "+format, func() (int, error) { return readJournal(j, format) })
		if err != nil {
			return err
		}
		r.journalLine(own, own)
		theirs, err := measureJournal("journalctl -o "+format, func() (int, error) {
			return journalEntries, toDevNull(exec.Command("journalctl", "-q", "--no-pager", "--directory", dir, "-o", format))
		})
		if err != nil {
			return err
		}
		r.journalLine(theirs, own)
		if format == "cat" {
			continue
		}
		accept := map[string]string{"json": "application/json", "export": "application/vnd.fdo.journal"}[format]
		theirs, err = measureJournal("systemd-journal-gatewayd, "+format,
			func() (int, error) { return journalEntries, gatewayd(dir, accept) })
		if err != nil {
			r.printf("| systemd-journal-gatewayd, %s | failed: %v | | |\n", format, err)
		} else {
			r.journalLine(theirs, own)
		}
		if format == "json" {
			if theirs, err = measureSdjournal(dir); err != nil {
				r.printf("| go-systemd's sdjournal, json | failed: %v | | |\n", err)
				continue
			}
			r.journalLine(theirs, own)
		}
	}
	if err := selectJournal(r, j, dir); err != nil {
		return err
	}
	return shipJournal(r, dir)
}

// journalLine prints a line of the table.
func (r *report) journalLine(x, own journalResult) {
	r.printf("| %s | %.0f | %.2f s | %.1f |\n", x.name, float64(x.entries)/x.wall.Seconds(),
		x.cpu.Seconds()*1e6/float64(x.entries), float64(x.wall)/float64(own.wall))
}

// measureJournal returns the fastest of three readings.
func measureJournal(name string, read func() (int, error)) (best journalResult, err error) {
	for range 3 {
		cpu, start := cpuTime(), time.Now()
		n, err := read()
		if err != nil {
			return best, fmt.Errorf("%s: %w", name, err)
		}
		x := journalResult{name, n, time.Since(start), cpuTime() - cpu}
		if best.wall == 0 || x.wall < best.wall {
			best = x
		}
	}
	return best, nil
}

// cpuTime returns the CPU time of this process and of the children that it has waited for.
func cpuTime() (d time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			d += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return d
}

// readJournal reads all entries in a format, and returns how many there are.
func readJournal(j *journal.Journal, format string) (n int, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	w := bufio.NewWriterSize(null, 64<<10)
	r := j.Reader(journal.Match{})
	defer r.Close()
	var line []byte
	message := func(value []byte) { line = append(append(line, value...), '\n') }
	for r.Next() {
		switch n++; format {
		case "json":
			line, err = r.AppendJSON(line[:0], &journal.JSONOptions{Threshold: 4096})
		case "export":
			line, err = r.AppendExport(line[:0])
		default:
			line = line[:0]
			_, err = r.Value("MESSAGE", message)
		}
		if err != nil {
			return n, err
		}
		if _, err := w.Write(line); err != nil {
			return n, err
		}
	}
	return n, w.Flush()
}

// toDevNull runs a command, whose output goes to /dev/null.
func toDevNull(cmd *exec.Cmd) error {
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", cmd.Path, err, strings.TrimSpace(errs.String()))
	}
	return nil
}
