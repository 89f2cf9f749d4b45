package health

// State is how one check of a node came out.
type State string

const (
	OK   State = "ok"   // works as intended
	Warn State = "warn" // works by a fallback, or less than it could
	Fail State = "fail" // does not work
)

// Check is one thing that `daytwo doctor` looked at.
type Check struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Detail string `json:"detail,omitempty"` // what was found
	Fix    string `json:"fix,omitempty"`    // what to do, unless all is well
}
