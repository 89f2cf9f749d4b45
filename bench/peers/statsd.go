package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/influxdata/telegraf/plugins/inputs/statsd"
	"github.com/influxdata/telegraf/testutil"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/statsd_exporter/pkg/line"

	own "github.com/daytwo/daytwo/collector/statsd/line"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

// Lines as they are sent: the typical one, and one with every field of
// DogStatsD 1.6.
const (
	typicalLine = "page.views.total:1|c|@0.5|#env:prod,service:web,region:us-east-1,version:1.2.3"
	fullLine    = typicalLine +
		"|c:ci-83c0a99c0a54c0c187f461c7980e9b57f3f6a8b0c918c8d93df19a9de6f3fe1d" +
		"|e:it-false,cn-web,pu-810fe89d-da47-410b-8979-9154a40f8183|card:low"
	seriesCount = 1000
)

// benchStatsd parses and serves the same lines by everybody.
func benchStatsd(r *report) error {
	r.printf("The typical line: `%s`.\n\n", typicalLine)
	r.printf("| parser | CPU a line | bytes | allocations |\n|---|---:|---:|---:|\n")
	if err := benchStatsdParsers(r); err != nil {
		return err
	}
	if err := benchStatsdServers(r); err != nil {
		return err
	}
	return benchStatsdFrames(r)
}

// statsdParser is one way to parse a line.
type statsdParser struct {
	name string
	make func() (func(line []byte) error, error)
	of   string
}

func benchStatsdParsers(r *report) error {
	for _, p := range []statsdParser{
		{"daytwo, parse", ownParser, typicalLine},
		{"daytwo, parse, all fields of v1.6", ownParser, fullLine},
		{"daytwo, parse and aggregate", ownAggregate, typicalLine},
		{"statsd_exporter, parse", exporterParser, typicalLine},
		{"OpenTelemetry's statsdreceiver, parse and aggregate", otelParser, typicalLine},
		{"telegraf, parse and aggregate", telegrafParser, typicalLine},
	} {
		parse, err := p.make()
		if err != nil {
			r.printf("| %s | failed: %v | | |\n", p.name, err)
			continue
		}
		cost, err := costOf(parse, manyLines(p.of))
		if err != nil {
			r.printf("| %s | failed: %v | | |\n", p.name, err)
			continue
		}
		r.printf("| %s | %.0f ns | %d | %d |\n", p.name, cost.cpu, cost.bytes, cost.allocs)
	}
	r.printf("\ngostatsd does not resolve as a module here.\n\n")
	return nil
}

// lineCost is what a line costs on average.
type lineCost struct {
	cpu           float64 // nanoseconds of all threads, the garbage collector's too
	bytes, allocs uint64
}

// costOf measures for some seconds, in processor time: others use the machine too.
// It takes the best of several rounds.
func costOf(parse func([]byte) error, lines [][]byte) (best lineCost, err error) {
	for round := range 6 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		used, start, n := selfCPU(), time.Now(), uint64(0)
		for time.Since(start) < 500*time.Millisecond {
			for range 5 {
				for _, l := range lines {
					if err := parse(l); err != nil {
						return best, err
					}
				}
			}
			n += 5 * uint64(len(lines))
		}
		used = selfCPU() - used
		runtime.ReadMemStats(&after)
		c := lineCost{float64(used) / float64(n), (after.TotalAlloc - before.TotalAlloc) / n,
			(after.Mallocs - before.Mallocs) / n}
		if round == 0 || c.cpu < best.cpu {
			best = c
		}
	}
	return best, nil
}

// selfCPU is the processor time of this process.
func selfCPU() time.Duration {
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// manyLines are the line in as many series as a busy container sends.
func manyLines(l string) [][]byte {
	all := make([][]byte, seriesCount)
	for i := range all {
		all[i] = []byte(strings.Replace(l, "version:1.2.3", fmt.Sprintf("version:1.2.%d", i), 1))
	}
	return all
}

func ownParser() (func([]byte) error, error) {
	p, l := own.New(own.Options{}), new(own.Line)
	return func(b []byte) error {
		if reason := p.Parse(b, l); reason != own.Accepted {
			return errors.New(reason.String())
		}
		return nil
	}, nil
}

func ownAggregate() (func([]byte) error, error) {
	p, l := own.New(own.Options{}), new(own.Line)
	s := series.New(series.Options{Log: slog.New(slog.DiscardHandler)})
	now := time.Now().UnixNano()
	w, n := s.Worker(0), 0
	w.Begin()
	return func(b []byte) error {
		if reason := p.Parse(b, l); reason != own.Accepted {
			return errors.New(reason.String())
		}
		w.Line(1, p, l, now)
		if n++; n%19 == 0 { // a packet ends
			w.End()
			w.Begin()
		}
		return nil
	}, nil
}

func exporterParser() (func([]byte) error, error) {
	p := line.NewParser()
	p.EnableDogstatsdParsing()
	p.EnableInfluxdbParsing() // all as it is shipped
	p.EnableLibratoParsing()
	p.EnableSignalFXParsing()
	counter := func(name string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name})
	}
	errs := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "errors"}, []string{"reason"})
	samples, tagErrors, tags := counter("samples"), counter("tag_errors"), counter("tags")
	log := slog.New(slog.DiscardHandler)
	return func(b []byte) error {
		if len(p.LineToEvents(string(b), *errs, samples, tagErrors, tags, log)) != 1 {
			return errors.New("no event")
		}
		return nil
	}, nil
}

func telegrafParser() (func([]byte) error, error) {
	s, err := startTelegraf("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.Stop()
	g, err := telegrafGraphite(s)
	if err != nil {
		return nil, err
	}
	return func(b []byte) error { return telegrafLine(s, g, string(b)) }, nil
}

func startTelegraf(addr string) (*statsd.Statsd, error) {
	s := &statsd.Statsd{
		Protocol: "udp", ServiceAddress: addr, AllowedPendingMessages: 10000, NumberWorkerThreads: 5, MetricSeparator: "_",
		DataDogExtensions: true, ReadBufferSize: serverBuffer, Log: testutil.Logger{Quiet: true},
	}
	return s, s.Start(new(testutil.Accumulator))
}

func otelParser() (func([]byte) error, error) {
	o, err := startOtel("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	aggregate, err := o.aggregator()
	if err != nil {
		return nil, err
	}
	from := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	return func(b []byte) error { return aggregate.Aggregate(string(b), from) }, nil
}
