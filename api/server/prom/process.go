package prom

import (
	"io"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/server/web"
	"golang.org/x/sys/unix"
)

// selfStart is when this process started, to a few milliseconds.
var selfStart = time.Now()

// WriteProcess writes this process' own metrics in the text format 0.0.4, under
// the names of Prometheus' client libraries.
func WriteProcess(w io.Writer) {
	p := writer{w: w}
	p.header("go_info", "Information about the Go environment.", "gauge")
	p.line("go_info", `version="`+runtime.Version()+`"`, &sample{}, 1)
	gauge := func(name, help string, f form, v int64) { p.one(name, help, "gauge", f, v) }
	gauge("go_goroutines", "Number of goroutines that currently exist.", formInt, int64(runtime.NumGoroutine()))
	gauge("go_sched_gomaxprocs_threads", "The current runtime.GOMAXPROCS setting.", formInt,
		int64(runtime.GOMAXPROCS(0)))
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(samples)
	gauge("go_memstats_heap_alloc_bytes", "Number of heap bytes allocated and currently in use.", formInt,
		int64(samples[0].Value.Uint64()))
	gauge("go_memstats_sys_bytes", "Number of bytes obtained from system.", formInt, int64(samples[1].Value.Uint64()))
	p.one("go_gc_cycles_total_gc_cycles_total", "Count of all completed GC cycles.", "counter", formInt,
		int64(samples[2].Value.Uint64()))
	p.one("go_memstats_alloc_bytes_total", "Total number of bytes allocated, even if freed.", "counter", formInt,
		int64(samples[3].Value.Uint64()))

	var ru unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &ru) == nil {
		p.one("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", "counter", formNano,
			ru.Utime.Nano()+ru.Stime.Nano())
	}
	if virtual, resident, ok := statm(); ok {
		gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", formInt, virtual)
		gauge("process_resident_memory_bytes", "Resident memory size in bytes.", formInt, resident)
	}
	if n, ok := openFDs(); ok {
		gauge("process_open_fds", "Number of open file descriptors.", formInt, n)
	}
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) == nil {
		gauge("process_max_fds", "Maximum number of open file descriptors.", formInt, int64(min(lim.Cur, 1<<62)))
	}
	gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", formMilli,
		selfStart.UnixMilli())
	p.panics()
	p.flush()
}

// panics appends how many requests of this process panicked.
func (p *writer) panics() {
	p.one("daytwo_http_panics_total", "HTTP requests of this process whose handler panicked.", "counter",
		formInt, int64(web.Panics()))
}

// one appends a family of one sample without labels.
func (p *writer) one(name, help, typ string, f form, v int64) {
	p.header(name, help, typ)
	p.line(name, "", &sample{form: f}, v)
}

// statm reads the process' memory, in bytes (proc(5)).
func statm() (virtual, resident int64, ok bool) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, false
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0, 0, false
	}
	v, err1 := strconv.ParseInt(f[0], 10, 64)
	r, err2 := strconv.ParseInt(f[1], 10, 64)
	page := int64(os.Getpagesize())
	return v * page, r * page, err1 == nil && err2 == nil
}

func openFDs() (int64, bool) {
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0, false
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	return int64(len(names)) - 1, err == nil // without d itself
}
