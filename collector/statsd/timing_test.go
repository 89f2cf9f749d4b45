package statsd

import (
	"bytes"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/collector/statsd/intake"
)

// batch returns packets of 1,432 bytes with 19 typical lines, as a buffering client
// sends them. They have 1,000 series and come from a container's own port.
func (r *rig) batch(packets int) []intake.Packet {
	got, err := r.table.Add(launch.Request{ContainerID: "bench"})
	if err != nil {
		r.t.Fatal(err)
	}
	var all []intake.Packet
	n := 0
	for range packets {
		var b bytes.Buffer
		for range 19 {
			fmt.Fprintf(&b, "page.views:1|c|@0.5|#env:prod,service:web,region:us-east-1,version:1.%d\n", n%1000)
			n++
		}
		all = append(all, intake.Packet{Data: b.Bytes(), Source: intake.Source{Port: got.StatsdPort}})
	}
	return all
}

// BenchmarkHandle measures the whole handling of a packet: find its sender, parse,
// aggregate.
func BenchmarkHandle(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := newRig(b, Options{NoBPF: true})
	batch := r.batch(1000)
	for i := 0; i < len(batch); i += 32 {
		r.handle(0, batch[i:min(i+32, len(batch))])
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(batch[0].Data)))
	before, packets := cpu(), 0
	for b.Loop() {
		i := packets % 992
		r.handle(0, batch[i:i+32])
		packets += 32
	}
	b.ReportMetric(float64(cpu()-before)/float64(packets*19), "cpu-ns/line")
	b.ReportMetric(float64(packets*19)/(cpu()-before).Seconds()/1e6, "Mlines/cpu-s")
}

// cpu returns the CPU time of this thread.
func cpu() time.Duration {
	const thisThread = 1 // RUSAGE_THREAD
	var ru syscall.Rusage
	if err := syscall.Getrusage(thisThread, &ru); err != nil {
		panic(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}
