package v1

import (
	"time"

	"github.com/daytwo/daytwo/api/session"
)

// SessionProtocol is the WebSocket subprotocol of sessions. The client's first message, a text,
// is a SessionRequest, and the server's a SessionAnswer. What follows are binary messages in
// both directions: whole messages of api/session/wire, one or more.
const SessionProtocol = "session.v1.daytwo"

// SessionRequest opens a session, or connects to one that is there.
type SessionRequest struct {
	Session   string           `json:"session,omitempty"`   // id; of a new one the client may choose it
	Agent     string           `json:"agent,omitempty"`     // node; "" for any
	Container string           `json:"container,omitempty"` // any part of a name, a task or an id
	Node      bool             `json:"node,omitempty"`      // on the node Agent itself, in no container
	Command   *session.Command `json:"command,omitempty"`   // of a new session; without it the client attaches
	Limits    session.Limits   `json:"limits,omitzero"`
	Reason    string           `json:"reason,omitempty"` // why, for whom has to approve and for the audit log
	Rows      uint16           `json:"rows,omitempty"`   // size of the terminal
	Cols      uint16           `json:"cols,omitempty"`
	Client    string           `json:"client,omitempty"` // a name that stays the same when the client resumes
	Write     bool             `json:"write,omitempty"`  // the client wants to write
	Watch     bool             `json:"watch,omitempty"`  // without a command: as an auditor, who only sees
	Stdout    SessionOutput    `json:"stdout,omitzero"`
	Stderr    SessionOutput    `json:"stderr,omitzero"`
}

// SessionOutput says where an output goes on for a client.
type SessionOutput struct {
	Offset uint64 `json:"offset"` // of the first byte that the client does not have (wire.FromNow, …)
	Window uint64 `json:"window"` // bytes for which it has room
}

// SessionAnswer is how a SessionRequest is answered.
type SessionAnswer struct {
	Session string `json:"session,omitempty"`
	Agent   string `json:"agent,omitempty"`
	Status  int    `json:"status,omitempty"` // as of HTTP, if it failed
	Error   string `json:"error,omitempty"`
	// Waiting says that the session waits for another person's approval. It is sent every few
	// seconds meanwhile, and another answer follows.
	Waiting *SessionWaiting `json:"waiting,omitempty"`
}

// SessionWaiting is for whose approval a session waits, and until when.
type SessionWaiting struct {
	For   string    `json:"for"`
	Until time.Time `json:"until"`
}

// Sessions is the document of GET /api/v1/sessions.
type Sessions struct {
	Sessions []SessionInfo     `json:"sessions"`
	Missing  []SessionsMissing `json:"missing,omitempty"` // nodes that did not tell theirs
}

// SessionsMissing is a node that did not tell its sessions.
type SessionsMissing struct {
	Agent  string `json:"agent"`
	Reason string `json:"reason"`
}

// SessionInfo describes a session that runs, or has just ended.
type SessionInfo struct {
	Session     string            `json:"session"`
	Agent       string            `json:"agent"`
	ContainerID string            `json:"container_id"`   // "" on the node itself
	Tags        map[string]string `json:"tags,omitempty"` // origin tags of the container
	User        string            `json:"user"`           // who opened it
	Command     session.Command   `json:"command"`
	Begun       time.Time         `json:"begun"`
	Clients     int               `json:"clients"`          // connected now
	Writer      string            `json:"writer,omitempty"` // whose input counts
	Recorded    bool              `json:"recorded,omitempty"`
	Exit        *session.Exit     `json:"exit,omitempty"` // missing while it runs
}

// SessionPending is the document of GET /api/v1/session-requests.
type SessionPending struct {
	Requests []SessionPendingRequest `json:"requests"`
}

// SessionPendingRequest is a session that waits for another person's approval. What is
// approved is all of it.
type SessionPendingRequest struct {
	Session     string            `json:"session"`
	Agent       string            `json:"agent"`
	ContainerID string            `json:"container_id"`
	Started     time.Time         `json:"started,omitzero"` // the container
	Tags        map[string]string `json:"tags,omitempty"`   // origin tags of the container
	User        string            `json:"user"`             // who asks
	From        string            `json:"from,omitempty"`   // address of their client
	Command     session.Command   `json:"command"`
	Rights      []session.Right   `json:"rights"`
	Reason      string            `json:"reason,omitempty"` // why, in their words
	For         string            `json:"for"`              // who may approve it
	Asked       time.Time         `json:"asked"`
	Until       time.Time         `json:"until"`
	Yours       bool              `json:"yours"` // the asker may approve it
}

// SessionDenial is the body of a request that denies one.
type SessionDenial struct {
	Reason string `json:"reason,omitempty"`
}
