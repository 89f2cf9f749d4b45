package line

// Dialect is the protocol where servers disagree.
type Dialect uint8

const (
	// DogStatsD accepts what Datadog's agent accepts, except numbers that are
	// not finite and sample rates outside (0, 1].
	DogStatsD Dialect = iota
	// Etsy accepts several value|type pairs under one name, as the original
	// server does, and a last field of tags.
	Etsy
)

// Style is where a name carries tags.
type Style uint8

const (
	NoNameTags Style = iota
	Influx           // name,tag=value,…
	Librato          // name#tag=value,…
	SignalFX         // na[tag=value,…]me
	Graphite         // name;tag=value;…
)

// Limits of a line. Zero fields of Options mean the defaults.
const (
	DefaultMaxLine = 8192 // bytes, as Datadog's agent reads
	MaxTags        = 200  // of a line
)

// Options of a parser: one listener's.
type Options struct {
	Dialect    Dialect
	GaugeDelta bool // a sign on a gauge's value makes it a change, as etsy has it
	NameTags   Style
	MaxLine    int // bytes of a line
}

// Kind is what a line is.
type Kind uint8

const (
	Metric Kind = iota
	Event
	ServiceCheck
)

// Line is one parsed line: views into the bytes given to Parse, valid as long as
// they are. Absent parts are empty.
type Line struct {
	Kind   Kind
	Type   byte   // 'c', 'g', 'm' (ms), 'h', 'd' or 's'
	Delta  bool   // Value is a change of the gauge
	Hidden bool   // some tag is one of Datadog's internal ones
	TagSep byte   // between tag and value in Tags: ':', or '=' of tags in the name
	Comma  byte   // between tags in Tags: ',', or ';' of graphite's style
	Name   []byte // of the metric or the service check
	Tags   []byte // the text of all tags
	Suffix []byte // of the name, after SignalFX tags within it

	ContainerID []byte // c: a container's id, "ci-…", "in-…" or two of them
	External    []byte // e:
	Cardinality []byte // card:
	Entity      []byte // dd.internal.entity_id:

	Values    []byte  // all values, packed with ':'; of a set its one member
	Value     float64 // the first value
	N         int     // number of values
	Rate      float64 // in (0, 1]
	Timestamp int64   // Unix seconds, 0 without one
	Hash      uint64  // of name, type and tags, whatever the order of the tags

	event         // of events and service checks only
	more  []byte  // of etsy's dialect: the metrics to come
	base  uint64  // hash of the name
	tags  uint64  // sum of the hashes of etsy's tags
	most  float64 // the value that is greatest without its sign
}

// event is what only events and service checks have; stale in a Line that holds
// a metric.
type event struct {
	Title, Text, Host, Key, Priority, Source, Alert []byte // of an event; \n in Text and Title is still written \\n
	Status                                          byte   // of a service check: 0 ok, 1 warning, 2 critical, 3 unknown
	Message                                         []byte // of a service check
}

// Reason says why a line is rejected. The zero value is acceptance.
type Reason uint8

const (
	Accepted Reason = iota
	EmptyValue
	BadName
	BadValue
	BadType
	BadRate
	BadTimestamp
	BadTags
	TooLong
	BadEvent
	BadServiceCheck
	BadSyntax
	Panic // the server panicked over it, which its log tells

	Reasons = iota // their number
)

var reasons = [Reasons]string{
	"accepted", "empty", "name", "value", "type", "rate", "timestamp", "tags", "too_long", "event", "service_check", "syntax", "panic",
}

func (r Reason) String() string { return reasons[r] }
