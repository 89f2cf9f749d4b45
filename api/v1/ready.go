package v1

// NotReady is the answer of GET /readyz, with status 503, while a part of the process is
// not ready.
type NotReady struct {
	Error    string        `json:"error"`
	NotReady []PartWaiting `json:"not_ready"`
}

// PartWaiting is a part of the process that is not ready.
type PartWaiting struct {
	Part   string `json:"part"`
	Reason string `json:"reason"`
}
