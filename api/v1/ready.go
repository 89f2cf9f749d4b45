package v1

// NotReady is the answer of GET /readyz, with status 503, while the process waits for
// something.
type NotReady struct {
	Error    string        `json:"error"`
	NotReady []PartWaiting `json:"not_ready"`
}

// PartWaiting is a part of the process that does not work yet, or no longer.
type PartWaiting struct {
	Part   string `json:"part"`
	Reason string `json:"reason"`
}
