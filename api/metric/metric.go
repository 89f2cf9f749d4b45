package metric

import "math"

// Absent marks a value that the kernel does not offer here (no controller, no
// limit file, no such counter). It is never shown, and never turned into 0.
const Absent int64 = math.MinInt64

// Unlimited is a limit that is not set ("max" in cgroup v2).
const Unlimited int64 = math.MaxInt64

// Kind is what a row describes. It goes on the wire: append only.
type Kind uint8

const (
	Host             Kind = 1  // one row: the machine
	CPU              Kind = 2  // a logical CPU
	Disk             Kind = 3  // a block device
	Filesystem       Kind = 4  // a mounted filesystem
	Interface        Kind = 5  // a network interface of the host
	Container        Kind = 6  // a cgroup: a container, a service, a slice
	ContainerIO      Kind = 7  // a block device as one cgroup uses it
	ContainerHugetlb Kind = 8  // a huge page size in one cgroup
	ContainerNet     Kind = 9  // a network interface inside a container
	Collector        Kind = 10 // one row: the collector itself
	Part             Kind = 11 // a part of the record, and which reader serves it

	App            Kind = 12 // a metric that a task sends: one series of one container
	Statsd         Kind = 13 // the StatsD ledger of one container, and of all together (Key "")
	Event          Kind = 14 // an event that a task sent: a row of the tick it came in, and of no other
	StatsdListener Kind = 15 // an address that StatsD is heard on

	// MaxKind bounds the kinds this version knows.
	MaxKind = StatsdListener
)

var kindNames = [MaxKind + 1]string{
	Host: "host", CPU: "cpu", Disk: "disk", Filesystem: "filesystem", Interface: "interface",
	Container: "container", ContainerIO: "container_io", ContainerHugetlb: "container_hugetlb",
	ContainerNet: "container_net", Collector: "collector", Part: "part", App: "app", Statsd: "statsd", Event: "event",
	StatsdListener: "statsd_listener",
}

func (k Kind) String() string {
	if k <= MaxKind && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown"
}

// Unit is what a stored integer counts. Conversion happens at the edges:
// nanoseconds leave as seconds, milli-units as units.
type Unit uint8

const (
	Count       Unit = iota
	Bytes            // bytes
	Nanoseconds      // nanoseconds, shown as seconds
	Milli            // thousandths, shown as units (load average)
	Bool             // 0 or 1
	Seconds          // whole seconds
	Float            // math.Float64bits of a number that is neither NaN nor infinite, nor -0 (which would be Absent)
)

// Scale is what a stored integer is multiplied by when it is shown.
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

// Type says how a value moves.
type Type uint8

const (
	Gauge   Type = iota
	Counter      // only rises while its row lives
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
	Prom   string // Prometheus name, with fixed labels: `x_total{mode="idle"}`; "" means not exposed as it stands
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

// FromFloat stores a number in a column of unit Float. What has no place there
// (NaN, infinities) is Absent.
func FromFloat(f float64) int64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Absent
	}
	return int64(math.Float64bits(f + 0)) // + 0 makes -0 a 0
}

// ToFloat returns the number stored in a column of unit Float.
func ToFloat(v int64) float64 { return math.Float64frombits(uint64(v)) }

var columns [MaxKind + 1][]Metric

// register completes a kind's table: numbers the columns, fills the
// Prometheus names that follow from the native one.
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

// Columns is the table of a kind, in column order. Not to be changed.
func Columns(k Kind) []Metric {
	if k > MaxKind {
		return nil
	}
	return columns[k]
}

// Width is the number of columns of a kind.
func Width(k Kind) int { return len(Columns(k)) }

// Find looks a metric up by its native name ("cpu.usage") within a kind.
func Find(k Kind, name string) (*Metric, bool) {
	for i := range Columns(k) {
		if columns[k][i].Name == name {
			return &columns[k][i], true
		}
	}
	return nil, false
}
