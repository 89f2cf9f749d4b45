package gateway

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

// Node is the logs of one node.
type Node interface {
	query.Logs
	query.LogResolver
}

// Fleet is what a Gateway knows of the nodes.
type Fleet interface {
	// Agents returns all known agents, sorted by ID.
	Agents() []query.Agent
	// Running returns the agents on which a container runs whose labels match, sorted.
	Running(match func(label func(name string) string) bool) []string
}

// Options of a Gateway. Fleet and Node are required; the zero value of another field means
// its default.
type Options struct {
	Fleet Fleet
	Node  func(agent string) Node // the logs of an agent
	Log   *slog.Logger            // default slog.Default()

	MaxAgents  int // agents that one query may ask; default 1024
	MaxStreams int // streams to nodes at once, of all queries, of up to 64 KiB each; default 8192
	Parallel   int // requests at once, of one query; default 64

	// Reorder is how long an entry of a query that follows several agents waits for older
	// ones of agents that are silent; default 3 ms.
	Reorder time.Duration
	// Patience is how long a query that does not follow waits for a node that went away
	// meanwhile; default 3 s.
	Patience time.Duration
	// Answer is how long a node may take to begin an answer; default 10 s.
	Answer time.Duration
	// Refresh is how often a query that follows looks for agents that match by now; default
	// 10 s.
	Refresh time.Duration
}

// Gateway implements query.Logs over a fleet. It is safe for concurrent use.
type Gateway struct {
	o       Options
	streams atomic.Int64
	counts  counts

	searches searches

	mu       sync.Mutex
	listed   []query.Agent // the fleet's, as of listedAt
	listedAt time.Time
}

var _ query.Logs = (*Gateway)(nil)

// New returns a gateway.
func New(o Options) *Gateway {
	def := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	defTime := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	def(&o.MaxAgents, 1024)
	def(&o.MaxStreams, 8192)
	def(&o.Parallel, 64)
	defTime(&o.Reorder, 3*time.Millisecond)
	defTime(&o.Patience, 3*time.Second)
	defTime(&o.Answer, 10*time.Second)
	defTime(&o.Refresh, 10*time.Second)
	return &Gateway{o: o}
}

// Pauses between attempts to reach a node that is away.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
)
