package metric

import "math"

// Absent marks a value that the kernel does not provide (no controller, no limit file, no
// such counter). It is never shown, and never converted to 0.
const Absent int64 = math.MinInt64

// Unlimited is a limit that is not set ("max" in cgroup v2).
const Unlimited int64 = math.MaxInt64

// Kind is the kind of entity that a row describes. It is part of the wire format: append
// only.
type Kind uint8

const (
	Host             Kind = 1  // one row: the machine
	CPU              Kind = 2  // a logical CPU
	Disk             Kind = 3  // a block device
	Filesystem       Kind = 4  // a mounted filesystem
	Interface        Kind = 5  // a network interface of the host
	Container        Kind = 6  // a cgroup: a container, a service, a slice
	ContainerIO      Kind = 7  // one cgroup's use of a block device
	ContainerHugetlb Kind = 8  // a huge page size in one cgroup
	ContainerNet     Kind = 9  // a network interface inside a container
	Collector        Kind = 10 // one row: the collector itself
	Part             Kind = 11 // a part of a cgroup's record, and which reader provides it

	App            Kind = 12 // one StatsD series of one container
	Statsd         Kind = 13 // the StatsD ledger of one container, and of all together (Key "")
	Event          Kind = 14 // a StatsD event; its row is only in the tick in which it arrived
	StatsdListener Kind = 15 // an address on which StatsD is received

	Call Kind = 16 // a kind of call that may never return

	Hardware Kind = 17 // a part of the machine's hardware

	Shipping Kind = 18 // one row: log shipping, where it is on

	LogEvents Kind = 19 // a kind of event in the streams of log entries that a node answers

	// MaxKind is the greatest kind that this version has.
	MaxKind = LogEvents
)

var kindNames = [MaxKind + 1]string{
	Host: "host", CPU: "cpu", Disk: "disk", Filesystem: "filesystem", Interface: "interface",
	Container: "container", ContainerIO: "container_io", ContainerHugetlb: "container_hugetlb",
	ContainerNet: "container_net", Collector: "collector", Part: "part", App: "app", Statsd: "statsd", Event: "event",
	StatsdListener: "statsd_listener", Call: "call",
	Hardware: "hardware", Shipping: "shipping", LogEvents: "log_events",
}

func (k Kind) String() string {
	if k <= MaxKind && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown"
}

// Unit is the unit of a stored integer. It is converted when a value is shown: nanoseconds
// as seconds, thousandths as units.
type Unit uint8

const (
	Count       Unit = iota
	Bytes            // bytes
	Nanoseconds      // nanoseconds, shown as seconds
	Milli            // thousandths, shown as units (load average)
	Bool             // 0 or 1
	Seconds          // whole seconds
	Float            // math.Float64bits of a finite number other than -0 (whose bits would be Absent)
)

// Scale returns the factor by which a stored integer is multiplied when it is shown.
func (u Unit) Scale() float64 {
	switch u {
	case Nanoseconds:
		return 1e-9
	case Milli:
		return 1e-3
	}
	return 1
}

func (u Unit) String() string {
	switch u {
	case Bytes:
		return "bytes"
	case Nanoseconds, Seconds:
		return "seconds"
	case Bool:
		return "bool"
	}
	return "count"
}

// Type says how a value can change.
type Type uint8

const (
	Gauge   Type = iota
	Counter      // never decreases while its row exists
)

func (t Type) String() string {
	if t == Counter {
		return "counter"
	}
	return "gauge"
}

// Metric is one column of one kind of row.
type Metric struct {
	Kind   Kind
	Column int    // position in the rows of Kind; stable on the wire
	Name   string // native name, dotted: "memory.stat.anon"
	Unit   Unit
	Type   Type
	Source string // kernel file and field
	Prom   string // Prometheus name, with fixed labels: `x_total{mode="idle"}`; "" if the column is not exposed unchanged
	DCOS   string // DC/OS names, space-separated, both families; "" if DC/OS had none
	Help   string
}

// Value converts a stored integer to the unit it is shown in.
func (m *Metric) Value(v int64) float64 {
	if m.Unit == Float {
		return ToFloat(v)
	}
	return float64(v) * m.Unit.Scale()
}

// FromFloat converts a number to the stored integer of unit Float. NaN and infinities become
// Absent.
func FromFloat(f float64) int64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Absent
	}
	return int64(math.Float64bits(f + 0)) // + 0 makes -0 a 0
}

// ToFloat is the inverse of FromFloat.
func ToFloat(v int64) float64 { return math.Float64frombits(uint64(v)) }

var columns [MaxKind + 1][]Metric

// register adds a kind's table to the catalogue. It numbers the columns, and derives missing
// Prometheus names from the native names.
func register(k Kind, prefix string, table []Metric) {
	for i := range table {
		m := &table[i]
		if m.Name == "" {
			panic("metric: " + k.String() + ": a column without a name")
		}
		m.Kind, m.Column = k, i
		if m.Prom == "" {
			m.Prom = promName(prefix, m)
		}
	}
	columns[k] = table
}

// Columns returns the table of a kind, in column order. The caller must not modify it.
func Columns(k Kind) []Metric {
	if k > MaxKind {
		return nil
	}
	return columns[k]
}

// Width returns the number of columns of a kind.
func Width(k Kind) int { return len(Columns(k)) }

// Find returns the metric of a kind with a native name such as "cpu.usage".
func Find(k Kind, name string) (*Metric, bool) {
	for i := range Columns(k) {
		if columns[k][i].Name == name {
			return &columns[k][i], true
		}
	}
	return nil, false
}
