package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/relay/sessions/requests"
)

// asking is a session of ben's that waits.
type asking struct {
	id     string
	ended  chan error
	stop   context.CancelFunc
	opened *broker.Opened
}

// ask asks a relay for a session of ben's, and waits until that waits.
func (f *fixture) ask(b *Broker, id string, args ...string) *asking {
	f.Helper()
	ctx, cancel := context.WithCancel(f.Context())
	a := &asking{id: id, ended: make(chan error, 1), stop: cancel}
	waits := make(chan *broker.Waiting, 100)
	go func() {
		var err error
		a.opened, err = b.Open(ctx, f.asker("ben"), &broker.Request{Session: id, Container: "bank",
			Command: session.Command{Args: args}, Reason: "the ledger is broken", Waiting: func(w *broker.Waiting) error {
				waits <- w
				return nil
			}})
		a.ended <- err
	}()
	select {
	case w := <-waits:
		if w.Session != id || w.For != "group:seniors" || time.Until(w.Until) < 9*time.Minute {
			f.Errorf("it waits for %+v", w)
		}
	case err := <-a.ended:
		f.Fatalf("it does not wait: %v", err)
	}
	f.Cleanup(cancel)
	return a
}

func (f *fixture) end(a *asking) error {
	f.Helper()
	select {
	case err := <-a.ended:
		if err == nil {
			a.opened.Conn.Close()
		}
		return err
	case <-time.After(15 * time.Second):
		f.Fatal("it still waits")
		return nil
	}
}

func newApprovalFixture(t *testing.T) *fixture {
	f := newFixture(t)
	if o, err := f.open("sue", "web", session.Command{Args: []string{"ls"}}); err != nil { // the node answers now
		t.Fatal(err)
	} else {
		o.Conn.Close()
	}
	return f
}

// A session waits for the approval of another person, who gives it at another relay. Both are in
// the grant and in the audit log.
func TestApproved(t *testing.T) {
	f := newApprovalFixture(t)
	a := f.ask(f.Broker, session.NewID(), "vi", "ledger")
	for _, c := range []struct {
		asker *broker.Asker
		sees  int
		yours bool
	}{{f.asker("sam", "seniors"), 1, true}, {f.asker("ben"), 1, false}, {f.asker("Ben", "seniors"), 1, false},
		{f.asker("eve"), 0, false}} {
		list, err := f.other.Requests(t.Context(), c.asker)
		if err != nil || len(list) != c.sees || c.sees == 1 && list[0].Yours != c.yours {
			t.Errorf("%s sees %+v, %v", c.asker.Principal.Name(), list, err)
		}
		if c.sees == 1 && (list[0].Principal != "ben" || list[0].Reason != "the ledger is broken" ||
			list[0].Container.ID != "cc33" || strings.Join(list[0].Command.Args, " ") != "vi ledger") {
			t.Errorf("%+v", list[0])
		}
	}
	for who, want := range map[*broker.Asker]string{
		f.asker("ben"):            "nobody approves their own",
		f.asker("ben", "seniors"): "nobody approves their own", // by another credential
		f.asker("BEN", "seniors"): "nobody approves their own",
		f.asker("eve"):            broker.ErrNoRequest.Error(),
	} {
		if err := f.other.Approve(t.Context(), who, a.id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s approves: %v", who.Principal.Name(), err)
		}
	}
	if err := f.other.Approve(t.Context(), f.asker("sam", "seniors"), a.id); err != nil {
		t.Fatal(err)
	}
	if err := f.end(a); err != nil {
		t.Fatal(err)
	}
	g := f.grants[len(f.grants)-1]
	if g.Principal != "ben" || g.Approver() == nil || g.Approver().Principal != "sam" || g.Approver().Relay != "relay2" {
		t.Errorf("the grant is %+v, approved by %+v", g, g.Approver())
	}
	var lines []string
	for _, r := range f.records {
		lines = append(lines, r.Who+" "+r.Decision+" "+r.What+" "+r.Rule)
	}
	log := strings.Join(lines, "\n")
	for _, want := range []string{"ask for the approval of a session by group:seniors: the ledger is broken",
		"ben refused approve a session", "sam allowed approve a session",
		"ben allowed open a session rule 5 two at the bank; approved by sam"} {
		if !strings.Contains(log, want) {
			t.Errorf("the audit log has no %q:\n%s", want, log)
		}
	}
	if err := f.Approve(t.Context(), f.asker("sam", "seniors"), a.id); !errors.Is(err, broker.ErrNoRequest) {
		t.Errorf("it is approved again: %v", err)
	}
}

func TestNotApproved(t *testing.T) {
	f := newApprovalFixture(t)
	grants := len(f.grants)
	sam := f.asker("sam", "seniors")
	denied := func(what string, err error, want string) {
		t.Helper()
		if rpc.CodeOf(err) != rpc.Denied || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	_, err := f.open("ben", "bank", session.Command{Args: []string{"ls"}})
	denied("without waiting", err, "cannot wait")

	a := f.ask(f.Broker, session.NewID(), "ls")
	if err := f.other.Deny(t.Context(), f.asker("eve"), a.id, ""); !errors.Is(err, broker.ErrNoRequest) {
		t.Errorf("eve denies it: %v", err)
	}
	if err := f.other.Deny(t.Context(), sam, a.id, "not today"); err != nil {
		t.Error(err)
	}
	denied("denied", f.end(a), "sam has denied it: not today")

	a = f.ask(f.Broker, session.NewID(), "ls")
	if err := f.Deny(t.Context(), f.asker("ben"), a.id, "withdrawn"); err != nil {
		t.Error(err)
	}
	denied("withdrawn", f.end(a), "ben has denied it")

	// Who approved it may not any more when it is to be opened.
	a = f.ask(f.Broker, session.NewID(), "ls")
	before := f.rules
	strict, err := policy.Parse([]byte(strings.ReplaceAll(rules, "group:seniors", "user:zoe")), "p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	kv := f.bucket()
	e, err := f.o.Requests.Get(t.Context(), a.id)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := f.other.o.Signer.Approve(grant.Approval{Principal: "sam", Groups: []string{"seniors"},
		Deadline: e.Until}, &e.Request)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.rules = strict
	f.mu.Unlock()
	e.Approval = signed
	if err := f.o.Requests.Decide(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	denied("approved by one who may not", f.end(a), "sam may not approve it: that may user:zoe")
	f.mu.Lock()
	f.rules = before
	f.mu.Unlock()

	// Whoever can write to NATS puts an approval there: the relay cannot tell it, the node can.
	a = f.ask(f.Broker, session.NewID(), "ls")
	if e, err = f.o.Requests.Get(t.Context(), a.id); err != nil {
		t.Fatal(err)
	}
	key, err := grant.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	e.Approval, err = grant.NewSigner("relay2", key).Approve(grant.Approval{Principal: "sam",
		Groups: []string{"seniors"}, Deadline: e.Until}, &e.Request)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), a.id, b); err != nil {
		t.Fatal(err)
	}
	denied("forged", f.end(a), "the approval in it: it is signed with the key")

	// What is shown to who approves is what is approved.
	a = f.ask(f.Broker, session.NewID(), "rm", "-r", "/")
	if e, err = f.o.Requests.Get(t.Context(), a.id); err != nil {
		t.Fatal(err)
	}
	e.Request.Command.Args = []string{"ls"}
	if b, err = json.Marshal(e); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), a.id, b); err != nil {
		t.Fatal(err)
	}
	if err := f.other.Approve(t.Context(), sam, a.id); err != nil {
		t.Fatal(err)
	}
	denied("shown as another one", f.end(a), "it is of another request")
	if len(f.grants) != grants {
		t.Errorf("the node took %d grants", len(f.grants)-grants)
	}
	refused := 0
	for _, r := range f.records {
		if r.Who == "ben" && r.Decision != audit.Allowed && r.What == "open a session" {
			refused++
		}
	}
	if refused != 6 {
		t.Errorf("%d lines in the audit log about what was not opened, want 6: %+v", refused, f.records)
	}
}

func (f *fixture) bucket() jetstream.KeyValue {
	f.Helper()
	js, err := jetstream.New(f.nats)
	if err != nil {
		f.Fatal(err)
	}
	kv, err := js.KeyValue(f.Context(), "daytwo_test_session_requests")
	if err != nil {
		f.Fatal(err)
	}
	return kv
}

// A relay that goes away while a session waits forgets nothing: the client asks another one for
// the same session, and finds it waiting, or approved. Another request of the same name is none.
func TestApprovalOutlivesRelay(t *testing.T) {
	f := newApprovalFixture(t)
	sam, id := f.asker("sam", "seniors"), session.NewID()
	a := f.ask(f.Broker, id, "ls")
	a.stop()
	if err := f.end(a); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	_, err := f.other.Open(t.Context(), f.asker("ben"), &broker.Request{Session: id, Container: "bank",
		Command: session.Command{Args: []string{"rm"}}, Waiting: func(*broker.Waiting) error { return nil }})
	if !errors.Is(err, broker.ErrConflict) {
		t.Errorf("another command: %v", err)
	}
	a = f.ask(f.other, id, "ls")
	if list, err := f.Requests(t.Context(), sam); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	a.stop()
	if err := f.end(a); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := f.Approve(t.Context(), sam, id); err != nil { // while nobody waits
		t.Fatal(err)
	}
	a = f.ask(f.Broker, id, "ls")
	if err := f.end(a); err != nil {
		t.Error(err)
	}
	// It is used up: the same needs another approval.
	again := f.ask(f.Broker, id, "ls")
	again.stop()
	f.end(again)
}

// The admin of the relay's machine needs no approval by the relay's policy, and may give any.
func TestAdminApproves(t *testing.T) {
	f := newApprovalFixture(t)
	p, err := auth.NewPrincipal(auth.AdminName, nil, auth.MethodSocket, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	admin := &broker.Asker{Principal: p, Policy: f.policy}
	a := f.ask(f.Broker, session.NewID(), "ls")
	if err := f.other.Approve(t.Context(), admin, a.id); err != nil {
		t.Fatal(err)
	}
	if err := f.end(a); err != nil {
		t.Error(err)
	}
	ls := session.Command{Args: []string{"ls"}}
	o, err := f.Open(t.Context(), admin, &broker.Request{Container: "bank", Command: ls})
	if err != nil {
		t.Fatal(err)
	}
	o.Conn.Close()
}

// How many wait and how large they are is bounded, and what is too old is gone.
func TestRequestsAreBounded(t *testing.T) {
	f := newApprovalFixture(t)
	s := f.o.Requests
	entry := func(who string, until time.Time, args ...string) *requests.Entry {
		return &requests.Entry{By: [][]string{{"user:*"}}, Until: until, Asked: time.Now(), Request: grant.Request{
			Session: session.NewID(), Principal: who, Command: session.Command{Args: args}}}
	}
	soon := time.Now().Add(time.Minute)
	if _, err := s.Ask(t.Context(), entry("a", soon, strings.Repeat("x", requests.MaxBytes))); err != requests.ErrTooLong {
		t.Errorf("a long one: %v", err)
	}
	var err error
	n := 0
	for ; n < 100 && err == nil; n++ {
		_, err = s.Ask(t.Context(), entry("a", soon, "ls"))
	}
	if !errors.Is(err, requests.ErrTooMany) || n > 20 {
		t.Errorf("%d requests of one person: %v", n, err)
	}
	if _, err := s.Ask(t.Context(), entry("b", soon, "ls")); err != nil {
		t.Errorf("of somebody else: %v", err)
	}
	short := entry("c", time.Now().Add(50*time.Millisecond), "ls")
	if _, err := s.Ask(t.Context(), short); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wait(t.Context(), short, 20*time.Millisecond, func() error { return nil }); err != requests.ErrNone {
		t.Errorf("waiting for one that is too old: %v", err)
	}
	if _, err := f.bucket().Get(t.Context(), short.Request.Session); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("one that is too old is kept: %v", err)
	}
	gone := errors.New("the client is gone")
	one := entry("d", soon, "ls")
	if _, err := s.Ask(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Wait(t.Context(), one, time.Millisecond, func() error { return gone }); err != gone {
		t.Errorf("%v", err)
	}
	for _, junk := range []string{"", "{", "[]", `{"request":{"session":"other"}}`} {
		if _, err := f.bucket().Put(t.Context(), one.Request.Session, []byte(junk)); err != nil {
			t.Fatal(err)
		}
		if e, err := s.Get(t.Context(), one.Request.Session); err != requests.ErrNone {
			t.Errorf("%q in the bucket: %+v, %v", junk, e, err)
		}
	}
	if _, err := s.Get(t.Context(), "*"); err != requests.ErrNone {
		t.Errorf("a wildcard: %v", err)
	}
}
