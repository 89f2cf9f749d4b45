package line

// Dialect is the variant of the protocol, for what servers handle differently.
type Dialect uint8

const (
	// DogStatsD accepts what Datadog's agent accepts, except numbers that are not finite
	// and sample rates outside (0, 1].
	DogStatsD Dialect = iota
	// Etsy accepts several value|type pairs after one name, as etsy's server does, and a
	// last field with tags.
	Etsy
)

// Style is how tags are written inside a name.
type Style uint8

const (
	NoNameTags Style = iota
	Influx           // name,tag=value,…
	Librato          // name#tag=value,…
	SignalFX         // na[tag=value,…]me
	Graphite         // name;tag=value;…
)

// Limits on a line. Zero fields of Options mean the defaults.
const (
	DefaultMaxLine = 8192 // bytes, as in Datadog's agent
	MaxTags        = 200  // number of tags in a line
)

// Options are the options of one listener's parser.
type Options struct {
	Dialect    Dialect
	GaugeDelta bool // a signed value of a gauge is a change, as in etsy's dialect
	NameTags   Style
	MaxLine    int // bytes in a line
}

// Kind is the kind of a line.
type Kind uint8

const (
	Metric Kind = iota
	Event
	ServiceCheck
)

// Line is one parsed line. Its slices point into the bytes that were passed to Parse,
// and are valid as long as those bytes are. Absent parts are empty.
type Line struct {
	Kind   Kind
	Type   byte   // 'c', 'g', 'm' (ms), 'h', 'd' or 's'
	Delta  bool   // Value is a change of the gauge's value
	Hidden bool   // at least one tag is an internal tag of Datadog
	TagSep byte   // between tag and value in Tags: ':', or '=' for tags inside the name
	Comma  byte   // between tags in Tags: ',', or ';' in Graphite's style
	Name   []byte // name of the metric or the service check
	Tags   []byte // the text of all tags
	Suffix []byte // part of the name after SignalFX tags inside it

	ContainerID []byte // field c: a container's id, "ci-…", "in-…" or two of them
	External    []byte // field e
	Cardinality []byte // field card
	Entity      []byte // tag dd.internal.entity_id

	Values    []byte  // all values, separated by ':'; for a set its single member
	Value     float64 // the first value
	N         int     // number of values
	Rate      float64 // in (0, 1]
	Timestamp int64   // Unix seconds, 0 without one
	Hash      uint64  // of name, type and tags; independent of the order of tags

	event         // only for events and service checks
	more  []byte  // etsy's dialect: the metrics that follow
	base  uint64  // hash of the name
	tags  uint64  // etsy's dialect: sum of the hashes of the tags
	most  float64 // the largest absolute value
}

// event holds the fields of events and service checks. For metrics, it holds old
// contents.
type event struct {
	Title, Text, Host, Key, Priority, Source, Alert []byte // of an event; Text and Title still contain \n for line ends
	Status                                          byte   // of a service check: 0 ok, 1 warning, 2 critical, 3 unknown
	Message                                         []byte // of a service check
}

// Reason is why a line is rejected. The zero value means accepted.
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
	Panic // parsing or aggregating the line panicked; see the log

	Reasons = iota // number of reasons
)

var reasons = [Reasons]string{
	"accepted", "empty", "name", "value", "type", "rate", "timestamp", "tags",
	"too_long", "event", "service_check", "syntax", "panic",
}

func (r Reason) String() string { return reasons[r] }
