package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// section is one table of figures.
type section struct {
	name, title string
	run         func(*report) error
}

var sections = []section{
	{"tick", "One tick of every cgroup", benchTicks},
	{"frame", "Frames against Prometheus remote write 2.0", benchFrames},
	{"collector", "The whole collector at 1 s", benchCollector},
	{"scrape", "A scrape of 1,000 containers", benchScrape},
	{"statsd", "StatsD", benchStatsd},
	{"journal", "Reading the journal", benchJournal},
	{"follow", "Following the journal", benchFollow},
	{"into", "Into the journal", benchInto},
	{"access", "Deciding who may see what", benchAccess},
	{"sessions", "Sessions in containers", benchSessions},
}

func main() {
	only := flag.String("only", "",
		"comma-separated sections: tick, frame, collector, scrape, statsd, journal, follow, into, access, sessions")
	out := flag.String("out", "", "write the results page to this file")
	flag.StringVar(&daytwoBinary, "daytwo", "",
		"the daytwo binary, for the sections collector, scrape, statsd, follow, into and sessions")
	flag.Parse()
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "the benchmarks make cgroups: run them as root")
		os.Exit(2)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		cleanUp()
		os.Exit(130)
	}()
	r := &report{}
	r.printf("# Figures\n\nMade by `make bench` on %s.\n", machine())
	failed := false
	for _, s := range sections {
		if *only != "" && !strings.Contains(","+*only+",", ","+s.name+",") {
			continue
		}
		r.printf("\n## %s\n\n", s.title)
		if err := s.run(r); err != nil {
			r.printf("\nfailed: %v\n", err)
			failed = true
		}
	}
	if *out != "" {
		if err := os.WriteFile(*out, []byte(r.text.String()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// report collects the page and shows it as it grows.
type report struct{ text strings.Builder }

func (r *report) printf(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	fmt.Print(s)
	r.text.WriteString(s)
}

func machine() string {
	var u syscall.Utsname
	release := "unknown"
	if syscall.Uname(&u) == nil {
		b := make([]byte, 0, 65)
		for _, c := range u.Release {
			if c == 0 {
				break
			}
			b = append(b, byte(c))
		}
		release = string(b)
	}
	cpu := "unknown CPU"
	if out, err := exec.Command("sh", "-c", "grep -m1 'model name' /proc/cpuinfo | cut -d: -f2").Output(); err == nil {
		cpu = strings.TrimSpace(string(out))
	}
	return fmt.Sprintf("%d cores of %s, Linux %s, %s, %s", runtime.NumCPU(), cpu, release, runtime.Version(),
		time.Now().Format("2006-01-02"))
}
