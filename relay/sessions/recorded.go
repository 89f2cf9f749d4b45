package sessions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/access"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
)

var errNoRecordings = rpc.Errorf(rpc.Unavailable, "the session has to be recorded, and this relay keeps no recordings")

// record decides whether a session is recorded, and begins its recording.
func (b *Broker) startRecording(g *grant.Grant, q *sessionrpc.Request, mode policy.Record) (*recorder, error) {
	if !recordable(g.Rights) {
		return nil, nil
	}
	if mode = mode.Most(b.o.Record); mode == policy.RecordNone {
		return nil, nil
	}
	if b.o.Recordings == nil {
		return nil, errNoRecordings
	}
	g.Recorded, g.Input = true, mode == policy.RecordInput
	info := recording.Info{Session: g.Session, Agent: g.Agent, Container: g.Container.ID, Tags: g.Tags, User: g.Principal,
		From: g.From, Rule: g.Rule, Command: *g.Command, Input: g.Input}
	return b.newRecorder(info, q.Rows, q.Cols)
}

// openRecorded opens a session, and records it if it has to be.
func (b *Broker) openRecorded(ctx context.Context, g *grant.Grant, q *sessionrpc.Request, rec audit.Record,
	mode policy.Record, allowed func() bool) (*broker.Opened, error) {
	recorder, err := b.startRecording(g, q, mode)
	if err != nil {
		b.done(&rec, err)
		return nil, err
	}
	o, err := b.connect(ctx, sessionrpc.Open, g, q, rec, recorder, allowed)
	switch {
	case recorder == nil:
	case err != nil:
		recorder.discard()
	default:
		recorder.run()
	}
	return o, err
}

// recordable reports whether what needs some rights has a recording: programs that people run, not
// files that they copy, nor ports to which they connect. Those are in the audit log.
func recordable(rights []session.Right) bool {
	for _, r := range rights {
		if r == session.Exec || r == session.Node {
			return true
		}
	}
	return false
}

// newRecorder makes the recorder of a session that it has from its beginning on.
func (b *Broker) newRecorder(info recording.Info, rows, cols uint16) (*recorder, error) {
	h := recording.Header{Width: int(cols), Height: int(rows), Command: access.Text(&info.Command)}
	file, err := b.o.Recordings.Create(info, h)
	if err != nil {
		return nil, rpc.Errorf(rpc.Unavailable, "%v", err)
	}
	r := &recorder{b: b, id: info.Session, agent: info.Agent, file: file, wake: make(chan struct{}, 1),
		stop: make(chan struct{}), over: make(chan struct{}), rows: rows, cols: cols}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.recorders[r.id] != nil {
		file.Discard()
		return nil, rpc.Errorf(rpc.Unavailable, "the session is recorded already, or the relay ends")
	}
	b.recorders[r.id] = r
	return r, nil
}

// recorderOf returns the recorder of a session, nil if this relay does not record it.
func (b *Broker) recorderOf(id string) *recorder {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.recorders[id]
}

func (b *Broker) forgetRecorder(r *recorder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.recorders[r.id] == r {
		delete(b.recorders, r.id)
	}
}

// discard removes the recording of a session that was not opened.
func (r *recorder) discard() {
	r.b.forgetRecorder(r)
	r.file.Discard()
	close(r.over)
}

// run records until the session ends.
func (r *recorder) run() {
	r.b.work.Go(r.write)
	go r.follow(nil)
	r.signal()
}

// takeOver makes this relay record a session that has to be recorded and that nobody records now:
// the relay that did has ended, or cannot reach the node.
func (b *Broker) takeOver(info *sessionrpc.Info) error {
	if b.o.Recordings == nil {
		return errNoRecordings
	}
	oldest := [wire.Streams]uint64{wire.Stdout: wire.FromOldest, wire.Stderr: wire.FromOldest}
	conn, err := b.dialRecorder(info.Session, info.Agent, &oldest)
	if errors.Is(err, rpc.ErrAway) {
		return err
	}
	if err != nil { // another relay was faster
		return nil
	}
	start, conn, err := begin(conn)
	if err != nil {
		return rpc.Errorf(rpc.Unavailable, "the recording cannot go on here: %v", err)
	}
	i := recording.Info{Session: info.Session, Agent: info.Agent, Container: info.Container.ID, Tags: info.Tags,
		User: info.Principal, From: info.From, Command: *commandOf(info), Input: info.Input}
	r, err := b.newRecorder(i, start.Rows, start.Cols)
	if err != nil {
		conn.Close()
		return err
	}
	r.next = [wire.Streams]uint64{wire.Stdout: start.Stdout, wire.Stderr: start.Stderr}
	r.from, r.reached = r.next, r.next
	for s := range r.limit {
		r.limit[s] = r.next[s] + ownWindow
	}
	b.o.Log.Info("goes on recording a session", "session", info.Session, "agent", info.Agent)
	b.work.Go(r.write)
	go r.follow(conn)
	return nil
}

// Of a session that was just opened, the recorder is perhaps not yet connected; one whose relay
// ends may look recorded a little longer. So who attaches looks again and again.
const (
	young      = 10 * time.Second
	guardEvery = 5 * time.Second
)

// unrecorded reports whether a session has to be recorded and is not.
func (b *Broker) unrecorded(info *sessionrpc.Info) bool {
	return info.Recorded && !info.Recorder && info.Exit == nil && b.recorderOf(info.Session) == nil
}

// guard takes a recording over once nobody writes it any more, as long as a client is connected
// here.
func (b *Broker) guard(c *conn, session, agent string) {
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.closed:
			return
		case <-tick.C:
		}
		if r := b.recorderOf(session); r != nil {
			c.recorder.Store(r)
			continue
		}
		infos, err := b.ownList(context.Background(), agent)
		if err != nil {
			continue
		}
		for _, info := range infos {
			if info.Agent = agent; info.Session != session || !b.unrecorded(&info) {
				continue
			}
			if err := b.takeOver(&info); err != nil {
				b.o.Log.Error("a recording does not go on here", "session", session, "err", err)
			}
		}
	}
}

// resumeFor is how long after its start a relay looks for sessions that it recorded before.
const resumeFor = 2 * time.Minute

// resume goes on with recordings that this relay, before it was started again, did not end.
func (b *Broker) resume(ctx context.Context) {
	left := map[string]string{}
	unfinished, _ := b.o.Recordings.Select(func(i *recording.Info) bool {
		return i.Exit == nil && i.Relay == b.o.Signer.Relay() && time.Since(i.Begun) < 7*24*time.Hour
	}, "", 1000)
	for _, i := range unfinished {
		left[i.Session] = i.Agent
	}
	until := time.Now().Add(resumeFor)
	for len(left) > 0 && time.Now().Before(until) {
		asked := map[string]bool{}
		for _, agent := range left {
			if asked[agent] || ctx.Err() != nil {
				continue
			}
			asked[agent] = true
			infos, err := b.ownList(ctx, agent)
			if err != nil {
				continue // it has perhaps not been heard of yet
			}
			for id, at := range left {
				if at == agent {
					delete(left, id)
				}
				for _, info := range infos {
					// That of this relay from before may not be known to be gone: it is replaced.
					info.Agent, info.Recorder = agent, false
					if info.Session != id || at != agent || !b.unrecorded(&info) {
						continue
					}
					if err := b.takeOver(&info); err != nil {
						b.o.Log.Error("a recording does not go on", "session", id, "err", err)
					}
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

// ownGrant is a grant for what the relay itself does.
func (b *Broker) ownGrant(agent string) grant.Grant {
	return grant.Grant{Agent: agent, Principal: "relay " + b.o.Signer.Relay(), Rule: "sessions that are recorded"}
}

func (b *Broker) ownList(ctx context.Context, agent string) ([]sessionrpc.Info, error) {
	g := b.ownGrant(agent)
	g.Rights = []session.Right{session.List, session.Record} // of which a node's own policy denies none
	token, err := b.o.Signer.Sign(g, grantLife)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return sessionrpc.List(ctx, b.o.Nodes, agent, token)
}

// recordFailed adds a line to the audit log.
func (b *Broker) recordFailed(id, agent string, err error) {
	b.o.Audit(audit.Record{What: "record a session", Object: "session " + id + " on " + agent, Decision: audit.Failed,
		Error: err.Error()})
}

// Watch connects an auditor to a session.
func (b *Broker) Watch(ctx context.Context, a *broker.Asker, agent, id string, s *broker.Stream) (*broker.Opened,
	error) {
	rec := b.record(a, "watch a session")
	info, err := b.sessionOf(ctx, a, agent, id, session.Watch)
	if err != nil {
		return nil, err
	}
	rec.Object = fmt.Sprintf("session %s of %s on %s", id, info.Principal, info.Agent)
	g := b.grant(a, info.Agent)
	g.Session, g.Container, g.Tags, g.Tell = id, info.Container, info.Tags, !b.o.Unseen
	tags := tagsOf(info)
	if _, err := b.allow(a, &g, &rec, &tags, session.Watch); err != nil {
		return nil, err
	}
	rights := g.Rights
	s.Write = false
	return b.connect(ctx, sessionrpc.Attach, &g, request(s), rec, nil, func() bool { return still(a, &tags, rights) })
}

// Close ends the recordings here, not the sessions: a relay that is started again goes on.
func (b *Broker) Close() {
	b.stop()
	b.mu.Lock()
	b.closed = true
	for _, r := range b.recorders {
		r.closing.Do(func() { close(r.stop) })
	}
	b.mu.Unlock()
	b.work.Wait()
}
