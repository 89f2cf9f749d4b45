package host

import (
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/bounded"
)

// Bounds of the calls under way at one time, any of which may hang. Once the bounds are
// reached, further filesystems are not asked. Some calls are reserved for filesystems
// that are less likely to hang than others.
const (
	maxCalls         = 192
	callsForLocal    = 32 // reserved for filesystems on disks and in memory
	callsForAnswered = 64 // reserved for filesystems that have answered before
	scarceCalls      = 32 // from this number of calls on, callsPerServer applies
	callsPerServer   = 8  // most calls for the mounts of one server
)

// answerWait is how long a tick waits for answers of filesystems and interfaces. A tick
// does not wait for those that took longer the last time: their answers are shown at
// the following tick.
const answerWait = 50 * time.Millisecond

// Reader reads the machine. Its methods may be called from several goroutines. Each
// Read overwrites the tables that the previous one returned.
type Reader struct {
	mu   sync.Mutex
	buf  []byte
	pool *bounded.Pool // makes the calls that may never return

	id     *identity
	host   *table
	stat   *statReader
	keyed  []*keyedFile
	proto  []*protoFile
	sock   []*sockFile
	psi    []*psiFile
	single []singleFile
	load   *file
	uptime *file
	fileNr *file
	procs  *processCounter
	disks  *diskReader
	ifaces *ifaceReader
	fs     *fsReader
	parts  *hardwareReader
	tables []frame.Table
}

// New opens the files and directories that a Reader reads. It returns an error only for
// an invalid regular expression in o. Values that cannot be read are metric.Absent, and
// Status says why.
func New(o Options) (*Reader, error) {
	sysGiven := o.Sys != ""
	f, err := o.fill()
	if err != nil {
		return nil, err
	}
	setDefault(&o.Sys, "/sys")
	r := &Reader{
		buf:    make([]byte, 64<<10),
		load:   newFile(o.Proc + "/loadavg"),
		uptime: newFile(o.Proc + "/uptime"),
		fileNr: newFile(o.Proc + "/sys/fs/file-nr"),
		tables: make([]frame.Table, 6),
		pool:   bounded.NewPool(bounded.Limits{Calls: maxCalls, Scarce: scarceCalls, PerGroup: callsPerServer}),
	}
	r.id = newIdentity(r.pool, o)
	r.host = newTable(metric.Host, r.id.labels)
	ns := findNetNS(r.pool, o.Proc, o.Sys, sysGiven)
	r.stat = newStatReader(o.Proc, ns.proc)
	r.keyed = []*keyedFile{
		newKeyed(o.Proc+"/meminfo", "/proc/meminfo "),
		newKeyed(o.Proc+"/vmstat", "/proc/vmstat "),
		newKeyed(ns.proc+"/snmp6", "/proc/net/snmp6 "),
	}
	r.proto = []*protoFile{
		newProto(ns.proc+"/snmp", "/proc/net/snmp "),
		newProto(ns.proc+"/netstat", "/proc/net/netstat "),
	}
	r.sock = []*sockFile{
		newSock(ns.proc+"/sockstat", "/proc/net/sockstat "),
		newSock(ns.proc+"/sockstat6", "/proc/net/sockstat6 "),
	}
	r.psi = newPSI(o.Proc)
	r.single = newSingles(o.Proc, ns)
	r.procs = newProcessCounter(o.Proc)
	r.disks = newDiskReader(o.Proc, f.disk)
	r.ifaces = newIfaceReader(ns, f.iface)
	r.fs = newFSReader(o, f, r.pool)
	r.parts = newHardwareReader(o.Sys, r.id.machine)
	for c := metric.HostCPUUser; c <= metric.HostCPUGuestNice; c++ {
		r.host.slack[c] = cpuSlack
	}
	return r, nil
}

// Read reads the machine once, and returns the tables of Host, CPU, Disk, Filesystem,
// Interface and Hardware, in this order. They are valid until the next Read. now becomes the
// host's time.
func (r *Reader) Read(now time.Time) []frame.Table {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := time.Now()
	r.fs.ask(&r.buf, asked)
	r.ifaces.ask(r.pool, &r.buf, asked)
	r.parts.ask(r.pool, asked)
	r.host.begin()
	e := r.host.add(nil)
	if r.id.changed() {
		r.host.renew(e)
	}
	v := r.host.vals(e)
	v[metric.HostTime] = now.UnixNano()
	r.stat.read(&r.buf, v)
	for _, k := range r.keyed {
		k.read(&r.buf, v)
	}
	if total, free := v[metric.HostSwapTotal], v[metric.HostSwapFree]; total >= 0 && free >= 0 {
		v[metric.HostSwapUsed] = max(total-free, 0)
	}
	for _, p := range r.proto {
		p.read(&r.buf, v)
	}
	for _, s := range r.sock {
		s.read(&r.buf, v)
	}
	for _, p := range r.psi {
		p.read(&r.buf, v)
	}
	for i := range r.single {
		r.single[i].read(&r.buf, v)
	}
	parseLoadavg(r.load.read(&r.buf), v)
	parseUptime(r.uptime.read(&r.buf), v)
	parseFileNr(r.fileNr.read(&r.buf), v)
	readClock(v)
	v[metric.HostProcesses] = r.procs.count()
	r.pool.Wait(answerWait)
	r.parts.take(v)
	r.tables[0] = *r.host.end()
	r.stat.shares.update(r.host.t.Vals)
	r.tables[1] = *r.stat.cpus.end()
	r.tables[2] = *r.disks.read(&r.buf)
	r.tables[3] = *r.fs.read(asked)
	r.tables[4] = *r.ifaces.read(asked)
	r.tables[5] = *r.parts.read()
	return r.tables
}

// Close closes every descriptor, except one that a hanging call still uses. The Reader
// must not be used afterwards.
func (r *Reader) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.files() {
		f.close()
	}
	r.procs.close()
	r.ifaces.close()
	r.pool.Close()
}
