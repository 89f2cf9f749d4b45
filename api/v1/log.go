package v1

// LogEntry is one line of /api/v1/logs as JSON lines or SSE data: an entry, or an event
// that says what is missing (Event is not empty then, and Fields is nil).
type LogEntry struct {
	AgentID   string            `json:"agent_id,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"` // origin tags but agent_id, as the collector knows them
	Cursor    string            `json:"cursor,omitempty"`
	Realtime  int64             `json:"realtime_timestamp"`            // microseconds since 1970
	Monotonic *int64            `json:"monotonic_timestamp,omitempty"` // microseconds since the boot
	BootID    string            `json:"boot_id,omitempty"`
	// Fields has a string for a value that is valid UTF-8, {"base64": "…"} for any other,
	// and a list of those for a field that occurs more than once.
	Fields map[string]any `json:"fields,omitempty"`

	Event   string `json:"event,omitempty"`   // the kind: see entry.Kind
	Source  string `json:"source,omitempty"`  // the file, unit or container that the event concerns
	Count   uint64 `json:"count,omitempty"`   // entries that are missing, if that is known
	Message string `json:"message,omitempty"` // the event as a sentence
}

// LogBucket is one interval of /api/v1/logs/histogram.
type LogBucket struct {
	Start      int64             `json:"start"` // microseconds since 1970
	Count      uint64            `json:"count"`
	ByPriority map[string]uint64 `json:"by_priority"` // "0" to "7"; those without entries are left out
}

// LogBoot is one boot of /api/v1/logs/boots.
type LogBoot struct {
	AgentID string `json:"agent_id"`
	BootID  string `json:"boot_id"`
	First   int64  `json:"first"` // microseconds since 1970
	Last    int64  `json:"last"`
}

// LogFields is the answer of /api/v1/logs/fields.
type LogFields struct {
	Fields []string `json:"fields"` // sorted
	Away   []string `json:"away"`   // ids of agents that did not answer: their part is missing
	// Unfinished are ids of agents that had no time to read all entries: their part is incomplete.
	Unfinished []string `json:"unfinished"`
}

// LogValues is the answer of /api/v1/logs/values.
type LogValues struct {
	Field  string   `json:"field"`
	Values []string `json:"values"` // sorted
	More   bool     `json:"more"`   // there are more values than the limit
	Away   []string `json:"away"`   // ids of agents that did not answer: their part is missing
	// Unfinished are ids of agents that had no time to read all entries: their part is incomplete.
	Unfinished []string `json:"unfinished"`
}

// LogHistogram is the answer of /api/v1/logs/histogram.
type LogHistogram struct {
	Step    int64       `json:"step"`    // of the intervals, in microseconds
	Buckets []LogBucket `json:"buckets"` // those that have entries, oldest first
	Away    []string    `json:"away"`    // ids of agents that did not answer: their part is missing
	// Unfinished are ids of agents that had no time to read all entries: their part is incomplete.
	Unfinished []string `json:"unfinished"`
}

// LogBoots is the answer of /api/v1/logs/boots.
type LogBoots struct {
	Boots []LogBoot `json:"boots"` // oldest first
	Away  []string  `json:"away"`  // ids of agents that did not answer: their part is missing
}
