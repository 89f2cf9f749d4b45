package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/influxdata/telegraf/testutil"
	"golang.org/x/net/ipv4"
)

const (
	serverBuffer   = 4 << 20 // of the socket, where a server can be told
	linesPacket    = 19
	probeFor       = 2 * time.Second
	lostAllowed    = 0.001
	serveArgument  = "statsd-server" // of this program: serve as a peer, in a process of its own
	firstProbe     = 12_500          // lines a second
	lastProbe      = 6_400_000
	halvings       = 4 // of the way from the best rate to the one that was too much
	settleInterval = 500 * time.Millisecond
)

// init makes this program a peer's server when it is started as one.
func init() {
	if len(os.Args) == 5 && os.Args[1] == serveArgument {
		fmt.Fprintln(os.Stderr, servePeer(os.Args[2], os.Args[3], os.Args[4]))
		os.Exit(1)
	}
}

// servePeer runs a peer that is a library, and shows at /metrics how many lines
// it has aggregated.
func servePeer(name, addr, metrics string) error {
	var lines func() int64
	switch name {
	case "telegraf":
		s, err := startTelegraf(addr)
		if err != nil {
			return err
		}
		s.DeleteCounters = true
		var sum atomic.Int64
		go func() {
			for range time.Tick(settleInterval) {
				acc := new(testutil.Accumulator)
				if s.Gather(acc) != nil {
					continue
				}
				for _, m := range acc.Metrics {
					if v, ok := m.Fields["value"].(int64); ok {
						sum.Add(v)
					}
				}
			}
		}()
		lines = func() int64 { return sum.Load() / 2 } // a line counts 1/0.5
	case "otel":
		o, err := startOtel(addr)
		if err != nil {
			return err
		}
		lines = func() int64 { return o.sum.Load() / 2 }
	default:
		return errors.New("no such peer")
	}
	return http.ListenAndServe(metrics, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "lines_total %d\n", lines())
	}))
}

// statsdServer is a whole server in a process of its own.
type statsdServer struct {
	name  string
	lines string // the metric that counts what it has taken
	start func(udp, metrics, dir string) (*exec.Cmd, error)
}

var statsdServers = []statsdServer{
	{"daytwo, a whole collector at 1 s", "daytwo_statsd_accepted_lines_total ",
		func(udp, metrics, dir string) (*exec.Cmd, error) {
			if daytwoBinary == "" {
				return nil, errors.New("give -daytwo")
			}
			return exec.Command(daytwoBinary, "collector", "--nats", "none", "--metrics", metrics, "--data", dir, "--statsd",
				udp, "--log-level", "error"), nil
		}},
	{"statsd_exporter", "statsd_exporter_lines_total ", func(udp, metrics, dir string) (*exec.Cmd, error) {
		bin := filepath.Join(dir, "statsd_exporter")
		build := exec.Command("go", "build", "-o", bin, "github.com/prometheus/statsd_exporter")
		if _, err := os.Stat("bench/peers/go.mod"); err == nil { // run from the top
			build.Dir = "bench/peers"
		}
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build (run it from the module): %w: %s", err, out)
		}
		return exec.Command(bin, "--statsd.listen-udp="+udp, "--statsd.listen-tcp=", "--web.listen-address="+metrics,
			"--log.level=error", "--statsd.read-buffer="+strconv.Itoa(serverBuffer)), nil
	}},
	{"OpenTelemetry's statsdreceiver", "lines_total ", peerCommand("otel")},
	{"telegraf's statsd input", "lines_total ", peerCommand("telegraf")},
}

func peerCommand(name string) func(udp, metrics, dir string) (*exec.Cmd, error) {
	return func(udp, metrics, _ string) (*exec.Cmd, error) {
		return exec.Command("/proc/self/exe", serveArgument, name, udp, metrics), nil
	}
}

// benchStatsdServers finds the greatest rate at which a server loses nothing.
func benchStatsdServers(r *report) error {
	r.printf("Whole servers: %d lines a packet over UDP on loopback, %d series, %s at each rate. The rate doubles until "+
		"more than %g%% is lost twice; then %d halvings look between the last two. The sender shares the cores. CPU is the "+
		"server's, at its best rate.\n\n", linesPacket, seriesCount, probeFor, lostAllowed*100, halvings)
	r.printf("| server | lines/s without loss | CPU a million lines |\n|---|---:|---:|\n")
	for _, s := range statsdServers {
		best, cpu, err := probeServer(s)
		if err != nil {
			r.printf("| %s | failed: %v | |\n", s.name, err)
			continue
		}
		r.printf("| %s | %s | %.2f s |\n", s.name, thousands(best), cpu)
	}
	return nil
}

func thousands(n int) string { return fmt.Sprintf("%d k", (n+500)/1000) }

func probeServer(s statsdServer) (best int, cpu float64, err error) {
	dir, err := os.MkdirTemp("", "peers-statsd-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	udp, metrics := freeAddress(), freeAddress()
	cmd, err := s.start(udp, metrics, dir)
	if err != nil {
		return 0, 0, err
	}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	if err := awaitServer(metrics); err != nil {
		return 0, 0, err
	}
	packets := statsdPackets()
	if _, err := sendAt(udp, packets, firstProbe, settleInterval); err != nil { // series are made
		return 0, 0, err
	}
	if err := settle(s, metrics); err != nil {
		return 0, 0, err
	}
	probe := serverProbe{s: s, udp: udp, metrics: metrics, pid: cmd.Process.Pid, packets: packets}
	low, high := 0, firstProbe
	for high <= lastProbe {
		ok, err := probe.at(high)
		if err != nil {
			return 0, 0, err
		}
		if !ok || probe.senderEnds {
			break
		}
		low, high = high, high*2
	}
	for range halvings {
		if probe.senderEnds || low == 0 {
			break
		}
		middle := (low + high) / 2
		ok, err := probe.at(middle)
		switch {
		case err != nil:
			return 0, 0, err
		case ok:
			low = middle
		default:
			high = middle
		}
	}
	return probe.best, probe.cpu, nil
}

// serverProbe sends to a server at one rate after the other.
type serverProbe struct {
	s            statsdServer
	udp, metrics string
	pid          int
	packets      [][]byte

	best       int     // greatest rate without loss, lines a second as they were sent
	cpu        float64 // seconds of CPU a million lines there
	senderEnds bool    // the sender could not send at the rate
}

// at reports whether the server takes a rate. One loss may be another process's
// doing: it has a second try.
func (p *serverProbe) at(rate int) (ok bool, err error) {
	for range 2 {
		before, used := scrapeCount(p.metrics, p.s.lines), cpuOf(p.pid)
		sent, err := sendAt(p.udp, p.packets, rate, probeFor)
		if err != nil {
			return false, err
		}
		if err := settle(p.s, p.metrics); err != nil {
			return false, err
		}
		got := scrapeCount(p.metrics, p.s.lines) - before
		if got < int64(float64(sent)*(1-lostAllowed)) {
			continue
		}
		p.senderEnds = sent < int(float64(rate)*probeFor.Seconds()*0.8)
		if reached := int(float64(sent) / probeFor.Seconds()); reached > p.best {
			p.best, p.cpu = reached, (cpuOf(p.pid)-used).Seconds()/(float64(got)/1e6)
		}
		return true, nil
	}
	return false, nil
}

// statsdPackets are all series, in packets as clients make them.
func statsdPackets() [][]byte {
	var packets [][]byte
	var p []byte
	for i, l := range manyLines(typicalLine) {
		if i%linesPacket > 0 {
			p = append(p, '\n')
		}
		if p = append(p, l...); i%linesPacket == linesPacket-1 {
			packets, p = append(packets, p), nil
		}
	}
	return packets
}

// sendAt sends at a rate of lines a second, in bursts of a millisecond, many
// packets a system call (sendmmsg(2)): the cores are for the server.
func sendAt(addr string, packets [][]byte, rate int, d time.Duration) (lines int, err error) {
	c, err := net.Dial("udp", addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	msgs := make([]ipv4.Message, len(packets))
	for i := range msgs {
		msgs[i].Buffers = packets[i : i+1]
	}
	out := ipv4.NewPacketConn(c.(*net.UDPConn))
	start := time.Now()
	for i := 0; ; {
		elapsed := time.Since(start)
		if elapsed >= d {
			return lines, nil
		}
		for due := int(float64(rate) * elapsed.Seconds()); lines < due && time.Since(start) < d; {
			n := min((due-lines+linesPacket-1)/linesPacket, len(msgs)-i)
			if n, err = out.WriteBatch(msgs[i:i+n], 0); err != nil {
				return lines, err
			}
			lines += n * linesPacket
			i = (i + n) % len(msgs)
		}
		time.Sleep(time.Millisecond)
	}
}

// settle waits until the count stands still.
func settle(s statsdServer, metrics string) error {
	was, same := int64(-1), 0
	for range 60 {
		time.Sleep(settleInterval)
		now := scrapeCount(metrics, s.lines)
		if same++; now != was {
			same = 0
		}
		if was = now; same == 3 {
			return nil
		}
	}
	return errors.New("its count does not stand still")
}

func scrapeCount(addr, metric string) int64 {
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	in := bufio.NewReaderSize(resp.Body, 1<<20)
	for {
		l, err := in.ReadString('\n')
		if rest, ok := strings.CutPrefix(l, metric); ok {
			v, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			_, _ = io.Copy(io.Discard, in)
			return int64(v)
		}
		if err != nil {
			return 0
		}
	}
}

func awaitServer(addr string) error {
	var err error
	for range 100 {
		var resp *http.Response
		if resp, err = http.Get("http://" + addr + "/metrics"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("it does not start: %w", err)
}

func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:18125"
	}
	defer l.Close()
	return l.Addr().String()
}

// cpuOf is the CPU time of a process (proc(5), stat: utime and stime in ticks of 10 ms).
func cpuOf(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}
