package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/collector/cgroups"
)

const (
	warmUp  = 15 * time.Second
	watched = 60 * time.Second // a whole keyframe period
)

var daytwoBinary string

// benchCollector runs the real binary at its defaults, with a NATS server
// beside it, and asks the kernel what it used.
func benchCollector(r *report) error {
	r.printf("`daytwo collector`, publishing to a NATS server in another process, watched for %v. A core is 100%%.\n\n",
		watched)
	r.printf("| cgroups | CPU | RSS | peak RSS | published |\n|---:|---:|---:|---:|---:|\n")
	for _, n := range []int{1000, 10000} {
		if err := withCollector(n, func(c *runningCollector) error {
			time.Sleep(warmUp)
			cpu0, frames0 := c.cpu(), c.metric("daytwo_collector_frame_bytes_total")
			start := time.Now()
			var rss []int64
			for time.Since(start) < watched {
				time.Sleep(time.Second)
				rss = append(rss, c.rss())
			}
			took := time.Since(start)
			slices.Sort(rss)
			r.printf("| %.0f | %.2f%% | %d MB | %d MB | %.1f KB/s |\n", c.metric("daytwo_collector_cgroups"),
				100*(c.cpu()-cpu0).Seconds()/took.Seconds(), rss[len(rss)/2]>>20, rss[len(rss)-1]>>20,
				(c.metric("daytwo_collector_frame_bytes_total")-frames0)/took.Seconds()/1e3)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// benchScrape asks a collector's own /metrics again and again.
func benchScrape(r *report) error {
	r.printf("| containers | size | median | slowest of 50 |\n|---:|---:|---:|---:|\n")
	return withCollector(1000, func(c *runningCollector) error {
		time.Sleep(5 * time.Second)
		var times []time.Duration
		size := 0
		for range 50 {
			start := time.Now()
			body, err := c.get("/metrics")
			if err != nil {
				return err
			}
			times, size = append(times, time.Since(start)), len(body)
		}
		slices.Sort(times)
		r.printf("| %.0f | %.1f MB | %.1f ms | %.1f ms |\n", c.metric("daytwo_collector_containers"), float64(size)/1e6,
			ms(times[len(times)/2]), ms(times[len(times)-1]))
		return nil
	})
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

type runningCollector struct {
	pid     int
	address string
}

// withCollector runs f beside n cgroups and a collector that reads them.
func withCollector(n int, f func(*runningCollector) error) error {
	if daytwoBinary == "" {
		return fmt.Errorf("no binary: build daytwo and give -daytwo")
	}
	layout, err := cgroups.Detect()
	if err != nil {
		return err
	}
	_, remove, err := makeGroups(layout, n)
	if err != nil {
		return err
	}
	defer remove()
	data, err := os.MkdirTemp("", "daytwo-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	srv, err := embedded.Start(embedded.Options{StoreDir: data + "/nats", Listen: "127.0.0.1:14222"})
	if err != nil {
		return err
	}
	defer srv.Close()
	conn, err := bus.Connect(bus.ConnectOptions{InProcess: srv, Name: "bench"})
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	if _, err := bus.EnsureStream(context.Background(), js,
		bus.Config{Cluster: "default"}); err != nil { // as a relay would
		return err
	}

	c := &runningCollector{address: "127.0.0.1:16109"}
	cmd := exec.Command(daytwoBinary, "collector", "--nats", "nats://127.0.0.1:14222", "--data", data+"/collector",
		"--metrics", c.address, "--log-level", "warn")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	c.pid = cmd.Process.Pid
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}()
	for range 100 {
		if _, err = c.get("/healthz"); err == nil {
			return f(c)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("the collector did not come up: %w", err)
}

func (c *runningCollector) get(path string) (string, error) {
	resp, err := http.Get("http://" + c.address + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return string(b), err
}

// metric is a value of the collector's own exposition, -1 if it is not there.
func (c *runningCollector) metric(name string) float64 {
	body, _ := c.get("/metrics")
	for line := range strings.Lines(body) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if family, _, _ := strings.Cut(series, "{"); family == name {
			v, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return v
		}
	}
	return -1
}

// cpu is user and system time of the process (proc_pid_stat(5), ticks of 10 ms).
func (c *runningCollector) cpu() time.Duration {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.pid))
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func (c *runningCollector) rss() int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", c.pid))
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
