package host

import (
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/bounded"
)

// hardwareEvery is how often the hardware is read: CPUs may come and go, and the number of
// huge pages may be changed.
const hardwareEvery = time.Minute

// hardwareReader reads the topology of the machine: CPUs, caches, NUMA nodes and memory
// modules. There are several files a CPU, so they are read seldom, and not on the tick but
// by a call of the pool.
type hardwareReader struct {
	sys     string
	machine []frame.Label // on every row
	t       *table
	call    bounded.Call
	next    time.Time // when the next reading begins

	fresh  hardware // written by the call
	shown  hardware // the last reading that is complete
	labels map[string][]frame.Label
}

// hardware is one reading.
type hardware struct {
	parts          []hardwarePart
	cores, sockets int64 // metric.Absent if unknown
	err            error // the first error, other than that of a file that does not exist
}

// hardwarePart is one value of a part of the hardware.
type hardwarePart struct {
	name   []byte // key of its row
	labels []frame.Label
	column int
	value  int64
}

// newHardwareReader makes a reader whose rows also have the labels machine.
func newHardwareReader(sys string, machine []frame.Label) *hardwareReader {
	r := &hardwareReader{sys: sys, machine: machine}
	r.shown.cores, r.shown.sockets = metric.Absent, metric.Absent
	r.t = newTable(metric.Hardware, func(name string) []frame.Label { return r.labels[name] })
	r.call = bounded.Call{Await: true, Run: func() { r.fresh = readHardware(r.sys) }}
	return r
}

// ask starts a reading if it is time for one.
func (r *hardwareReader) ask(p *bounded.Pool, now time.Time) {
	if now.Before(r.next) {
		return
	}
	if p.Start(&r.call, callsForLocal) {
		r.next = now.Add(hardwareEvery)
	}
}

// take takes over a reading that has ended, and fills the values of the host's row.
func (r *hardwareReader) take(host []int64) {
	if r.call.Take() {
		r.shown, r.fresh = r.fresh, hardware{}
		r.labels = make(map[string][]frame.Label, len(r.shown.parts))
		for _, p := range r.shown.parts {
			r.labels[string(p.name)] = sortedLabels(p.labels, r.machine)
		}
		r.call.Await = false // later readings end in their own time
	}
	if r.labels == nil {
		return // nothing was read yet
	}
	host[metric.HostCores], host[metric.HostSocketsOfCPUs] = r.shown.cores, r.shown.sockets
	switch {
	case r.shown.err != nil:
		host[metric.HostHardwareError] = 1
	case len(r.shown.parts) > 0:
		host[metric.HostHardwareError] = 0
	}
}

// read returns the table of the last reading.
func (r *hardwareReader) read() *frame.Table {
	r.t.begin()
	for i := range r.shown.parts {
		p := &r.shown.parts[i]
		if e := r.t.add(p.name); e != nil {
			r.t.vals(e)[p.column] = p.value
		}
	}
	return r.t.end()
}
