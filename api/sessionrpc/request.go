package sessionrpc

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/session/wire"
)

// Verbs of requests.
const (
	VerbOpen   = "session-open"   // starts a session and connects to it
	VerbAttach = "session-attach" // connects to a session
	VerbList   = "session-list"   // lists the sessions of the node
	VerbKill   = "session-kill"   // ends a session
)

const (
	maxRequest = grant.MaxToken + 64<<10
	maxList    = 4 << 20 // bytes of a list
)

// requestVersion is the version of the document. A field that a node does not know is an
// error, as it may be a limit that has to hold.
const requestVersion = 1

// Request is the document of every request. What may be done is in the grant alone.
type Request struct {
	Version int    `json:"v"`
	Grant   string `json:"grant"`
	// Of VerbOpen and VerbAttach.
	Client string   `json:"client,omitempty"` // client.Resume.Client
	Stdout Position `json:"stdout,omitzero"`
	Stderr Position `json:"stderr,omitzero"`
	Rows   uint16   `json:"rows,omitempty"` // of VerbOpen: size of the terminal
	Cols   uint16   `json:"cols,omitempty"`
}

// Position is where an output goes on for a client, and how many bytes it has room for.
type Position struct {
	Offset uint64 `json:"offset"`
	Window uint64 `json:"window"`
}

// NewRequest returns a request for a connection.
func NewRequest(token string, r client.Resume) *Request {
	return &Request{Grant: token, Client: r.Client,
		Stdout: Position(r.Out[wire.Stdout]), Stderr: Position(r.Out[wire.Stderr])}
}

func (r *Request) encode() ([]byte, error) {
	r.Version = requestVersion
	b, err := json.Marshal(r)
	if err == nil && len(b) > maxRequest {
		err = rpc.Errorf(rpc.Invalid, "the request of a session has %d bytes, and %d are allowed", len(b), maxRequest)
	}
	return b, err
}

// DecodeRequest reads a request.
func DecodeRequest(b []byte) (*Request, error) {
	if len(b) > maxRequest {
		return nil, rpc.Errorf(rpc.Invalid, "the request of a session has more than %d bytes", maxRequest)
	}
	r := new(Request)
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(r); err != nil {
		return nil, rpc.Errorf(rpc.Invalid, "this node cannot read the request, and may be older than the relay: %v", err)
	}
	if r.Version != requestVersion {
		return nil, rpc.Errorf(rpc.Invalid, "this node knows version %d of requests of sessions, not %d",
			requestVersion, r.Version)
	}
	if len(r.Client) > 256 {
		return nil, rpc.Errorf(rpc.Invalid, "the client's name has more than 256 bytes")
	}
	return r, nil
}

// Info is a session of a node, as a list has it.
type Info struct {
	Session   string            `json:"session"`
	Agent     string            `json:"agent"`
	Container session.Container `json:"container,omitzero"`
	Tags      map[string]string `json:"tags,omitempty"`
	Principal string            `json:"principal"`
	From      string            `json:"from,omitempty"`
	Command   *session.Command  `json:"command,omitempty"` // without its environment
	Begun     time.Time         `json:"begun"`
	Clients   int               `json:"clients"`
	Writer    string            `json:"writer,omitempty"`
	Recorded  bool              `json:"recorded,omitempty"` // it has to be recorded
	Input     bool              `json:"input,omitempty"`    // with what is typed
	Recorder  bool              `json:"recorder,omitempty"` // a relay records it now
	In        uint64            `json:"in"`                 // bytes
	Out       uint64            `json:"out"`                // bytes, of both outputs
	Ended     time.Time         `json:"ended,omitzero"`
	Exit      *session.Exit     `json:"exit,omitempty"` // of one that has ended, for some minutes
}
