package session

import "strconv"

// Reason says why a session ended.
type Reason uint8

// Reasons. Their numbers are on the wire and never change.
const (
	Exited         Reason = iota // the program ended by itself, or by a signal from inside the container
	NotStarted                   // the program could not be started
	Killed                       // somebody ended the session; the detail says who
	IdleLimit                    // nothing was typed and nothing printed for too long
	TimeLimit                    // the session lasted as long as it may
	DetachedLimit                // nobody was connected to it for too long
	Orphaned                     // no collector took the session up again after its own had ended
	ContainerEnded               // the container ended
	OutOfMemory                  // the kernel killed it, as its memory limit was reached
	NodeLost                     // the node went away; the real code is not known
	PolicyEnded                  // a rule ended it: a recording that could not be written, a right taken away
	KeeperLost                   // the process that keeps the session died; the real code is not known
)

var reasonNames = [...]string{"exited", "not-started", "killed", "idle-limit", "time-limit", "detached-limit",
	"orphaned", "container-ended", "out-of-memory", "node-lost", "policy", "keeper-lost"}

var reasonTexts = [...]string{"the program ended", "the program could not be started", "the session was ended",
	"nothing was typed or printed for too long", "the session lasted as long as it may",
	"nobody was connected to the session for too long", "no collector took the session up again",
	"the container ended", "the memory limit was reached", "the node went away", "a rule ended the session",
	"the process that keeps the session died"}

// String returns the reason as one word, which documents in JSON use.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "reason-" + strconv.Itoa(int(r))
}

// MarshalText implements encoding.TextMarshaler.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. A reason that this version does not know
// is KeeperLost, which is never taken for success.
func (r *Reason) UnmarshalText(b []byte) error {
	*r = KeeperLost
	for i, name := range reasonNames {
		if name == string(b) {
			*r = Reason(i)
		}
	}
	return nil
}

// Exit codes of sessions that have none from a program, as shells and other tools use them.
const (
	CodeLost       = 255 // the end is not known
	CodeNotFound   = 127 // the command does not exist in the container
	CodeCannotExec = 126 // the command exists and cannot be run
	CodeNotStarted = 125 // the session could not be started
)

// Exit is how a session ended.
type Exit struct {
	Code   int    `json:"code"`             // of the program, 0 to 255; 128+n if signal n ended it
	Signal int    `json:"signal,omitempty"` // that ended the program; 0 = none
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"` // who, which limit, which error; for people
}

// Success reports whether the program ended by itself with code 0.
func (e Exit) Success() bool { return e.Code == 0 && e.Signal == 0 && e.Reason == Exited }

// String says how the session ended, in a sentence without its full stop.
func (e Exit) String() string {
	s := "the program ended with code " + strconv.Itoa(e.Code)
	switch {
	case e.Reason != Exited && int(e.Reason) < len(reasonTexts):
		s = reasonTexts[e.Reason]
	case e.Reason != Exited:
		s = "the session ended (" + e.Reason.String() + ")"
	case e.Signal != 0:
		s = "signal " + strconv.Itoa(e.Signal) + " ended the program"
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}
