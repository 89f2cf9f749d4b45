package sessions

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/access"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/sessionrpc"
	"github.com/daytwo/daytwo/relay/sessions/recordings"
	"github.com/daytwo/daytwo/relay/sessions/requests"
)

// grantLife is how long a node may take to get a grant, a difference of clocks included.
const grantLife = time.Minute

// openTimeout is how long a node may take to open a session.
const openTimeout = 30 * time.Second

// Options of a Broker. All but Requests and Log are required.
type Options struct {
	Fleet  query.Fleet // which containers there are
	Nodes  *rpc.Client // asks nodes
	Signer *grant.Signer
	Audit  func(audit.Record)
	// Requests keeps what waits for an approval. Without it what needs one is refused.
	Requests *requests.Store

	Recordings *recordings.Store // nil keeps none: sessions that have to be recorded do not start
	Record     policy.Record     // of all sessions, whatever the policy says
	Unseen     bool              // people in a session are not told of auditors who watch it

	Log *slog.Logger // default slog.Default()
}

// Broker opens sessions. It is safe for concurrent use.
type Broker struct {
	o      Options
	opened atomic.Uint64
	denied atomic.Uint64
	open   atomic.Int64
	bytes  [2]atomic.Uint64 // to nodes, to clients

	waiting atomic.Int64 // requests that wait for an approval

	mu        sync.Mutex
	recorders map[string]*recorder
	closed    bool
	work      sync.WaitGroup
	stop      context.CancelFunc
}

var (
	_ broker.Sessions  = (*Broker)(nil)
	_ broker.Approvals = (*Broker)(nil)
)

// New makes a broker.
func New(o Options) *Broker {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	b := &Broker{o: o, recorders: map[string]*recorder{}}
	var ctx context.Context
	ctx, b.stop = context.WithCancel(context.Background())
	if o.Recordings != nil {
		b.work.Go(func() { b.resume(ctx) })
		b.work.Go(func() { b.tidy(ctx) })
	}
	return b
}

// Open implements broker.Sessions.
func (b *Broker) Open(ctx context.Context, a *broker.Asker, r *broker.Request) (*broker.Opened, error) {
	if err := r.Command.Check(); err != nil {
		return nil, &badRequest{err}
	}
	if r.Session == "" {
		r.Session = session.NewID()
	} else if !session.ValidID(r.Session) {
		return nil, &badRequest{errSessionID}
	}
	if r.Node {
		return b.openNode(ctx, a, r)
	}
	rec := b.record(a, "open a session")
	t, err := find(b.o.Fleet, r.Agent, r.Container, r.Exact, func(agent string, row *frame.Row) bool {
		found := target{agent: agent, row: row}
		tags := found.tags(&r.Command)
		return a.Policy().Decide(a.Principal, policy.Read, policy.SystemMetrics, &tags).Allowed ||
			decide(a, r.Command.Rights()[0], &tags).Allowed
	})
	if err != nil {
		rec.Decision, rec.Error = audit.Refused, err.Error()
		b.o.Audit(rec)
		return nil, err
	}
	rec.Object = t.String() + " runs " + access.Text(&r.Command)
	if t.start == metric.Absent {
		return nil, &badRequest{errNoStart}
	}
	tags := t.tags(&r.Command)
	g := b.grant(a, t.agent)
	g.Session, g.Container, g.Command, g.Limits, g.Tags = r.Session, t.container(), &r.Command, r.Limits, t.origin()
	g.Reason = r.Reason
	mode, err := b.allow(a, &g, &rec, &tags, r.Command.Rights()...)
	if err != nil {
		return nil, err
	}
	if err := b.approve(ctx, a, r, &g, &rec, &tags); err != nil {
		return nil, err
	}
	q := request(&r.Stream)
	q.Rows, q.Cols = r.Rows, r.Cols
	return b.openRecorded(ctx, &g, q, rec, mode, func() bool { return still(a, &tags, g.Rights) })
}

// Attach implements broker.Sessions.
func (b *Broker) Attach(ctx context.Context, a *broker.Asker, agent, id string, s *broker.Stream) (*broker.Opened,
	error) {
	rec := b.record(a, "attach to a session")
	info, err := b.sessionOf(ctx, a, agent, id, session.AttachRead)
	if err != nil {
		return nil, err
	}
	rec.Object = "session " + id + " of " + info.Principal + " on " + info.Agent
	rights := []session.Right{session.AttachRead}
	if s.Write {
		rights = append(rights, session.AttachWrite)
	}
	g := b.grant(a, info.Agent)
	g.Session, g.Container, g.Tags = id, info.Container, info.Tags
	needed := rights
	if own(a, info) { // who may not run the command any more may not see it either
		needed = rightsOf(commandOf(info), info.Container.ID == "")
	}
	tags := tagsOf(info)
	mode, err := b.allow(a, &g, &rec, &tags, needed...)
	opened := rightsOf(commandOf(info), info.Container.ID == "")
	if err == nil && s.Write && mode != policy.RecordNone && !info.Recorded && recordable(opened) {
		err = rpc.Errorf(rpc.Denied, "a rule wants what you do to be recorded, and this session is not")
		b.done(&rec, err)
	}
	if err != nil {
		return nil, err
	}
	if b.unrecorded(info) && time.Since(info.Begun).Abs() > young {
		if err := b.takeOver(info); err != nil {
			b.done(&rec, err)
			return nil, err
		}
	}
	g.Rights = rights
	o, err := b.connect(ctx, sessionrpc.Attach, &g, request(s), rec, b.recorderOf(id),
		func() bool { return still(a, &tags, needed) })
	if err == nil && info.Recorded && b.o.Recordings != nil {
		go b.guard(o.Conn.(*conn), id, info.Agent)
	}
	return o, err
}

// Kill implements broker.Sessions.
func (b *Broker) Kill(ctx context.Context, a *broker.Asker, agent, id string) error {
	rec := b.record(a, "end a session")
	info, err := b.sessionOf(ctx, a, agent, id, session.Kill)
	if err != nil {
		return err
	}
	rec.Object = "session " + id + " of " + info.Principal + " on " + info.Agent
	g := b.grant(a, info.Agent)
	g.Session = id
	if own(a, info) {
		g.Rights, g.Rule, rec.Rule = []session.Right{session.Kill}, ownRule, ownRule
	} else {
		tags := tagsOf(info)
		if _, err := b.allow(a, &g, &rec, &tags, session.Kill); err != nil {
			return err
		}
	}
	token, err := b.o.Signer.Sign(g, grantLife)
	if err == nil {
		err = sessionrpc.Kill(ctx, b.o.Nodes, info.Agent, token)
	}
	b.done(&rec, err)
	return err
}

// allow asks the policy for rights, and puts them into the grant. A right that is missing is
// in the audit log, and an error. It returns what the rules want to be recorded.
func (b *Broker) allow(a *broker.Asker, g *grant.Grant, rec *audit.Record, tags *policy.Tags,
	rights ...session.Right) (mode policy.Record, err error) {
	for _, right := range rights {
		d := decide(a, right, tags)
		n := access.Of(right)
		rec.Action, rec.Resource = n.Action.String(), n.Resource.String()
		if !d.Allowed {
			b.denied.Add(1)
			rec.Decision = audit.Refused
			b.o.Audit(*rec)
			return mode, denied(a, right)
		}
		mode = mode.Most(d.Record)
		if rec.Rule == "" {
			rec.Rule = ruleText(d)
		}
	}
	g.Rights, g.Rule = rights, rec.Rule
	return mode, nil
}
