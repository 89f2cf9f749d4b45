package node

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
)

// Requests that a node answers.
const (
	Open   = "session-open"   // a stream of messages
	Attach = "session-attach" // likewise
	List   = "session-list"   // an answer: JSON of []Info
	Kill   = "session-kill"   // an empty answer
)

// MaxAnswer bounds an answer of a node, bytes.
const MaxAnswer = 8 << 20

// Request is what a relay sends. What may be done stands in the grant alone: all else says how.
type Request struct {
	Grant  string `json:"grant"`
	Client string `json:"client,omitempty"` // as in wire.Hello
	Write  bool   `json:"write,omitempty"`
	Out    [wire.Streams]struct {
		Offset uint64 `json:"offset"`
		Window uint64 `json:"window"`
	} `json:"out,omitzero"`
	Rows uint16 `json:"rows,omitempty"` // size of the terminal of a session to open
	Cols uint16 `json:"cols,omitempty"`
}

// Info is what a node says of a session.
type Info struct {
	Session   string            `json:"session"`
	Container session.Container `json:"container"`
	Tags      map[string]string `json:"tags,omitempty"` // of the grant that opened it
	Principal string            `json:"principal"`      // who opened it
	Command   session.Command   `json:"command"`
	Begun     time.Time         `json:"begun"`
	Clients   int               `json:"clients"`          // connected now
	Writer    string            `json:"writer,omitempty"` // whose input counts
	Exit      *session.Exit     `json:"exit,omitempty"`   // nil while it runs
}

// Marshal encodes a request.
func (r *Request) Marshal() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // it has nothing that JSON lacks
	}
	return b
}

// Parse decodes a request. Fields that this version does not know are ignored: those that must
// hold are in the grant.
func Parse(b []byte) (*Request, error) {
	r := new(Request)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("request about a session: %w", err)
	}
	return r, nil
}
