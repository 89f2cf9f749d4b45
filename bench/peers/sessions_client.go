package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
	"github.com/daytwo/daytwo/api/v1"
)

type dialer func(context.Context, sessionclient.Resume) (sessionclient.Conn, error)

// viaRelay opens a session through the relay.
func (f *sessionFleet) viaRelay(c session.Command) dialer {
	return func(ctx context.Context, r sessionclient.Resume) (sessionclient.Conn, error) {
		conn, _, err := f.relayClient.DialSession(ctx, &v1.SessionRequest{Container: f.c.docker, Command: &c,
			Client: r.Client, Write: true, Rows: 24, Cols: 80, Stdout: v1.SessionOutput(r.Out[wire.Stdout]),
			Stderr: v1.SessionOutput(r.Out[wire.Stderr])})
		if err != nil {
			err = &sessionclient.FinalError{Err: err}
		}
		return conn, err
	}
}

// viaNode opens a session as a relay does, with a grant of the relay's key.
func (f *sessionFleet) viaNode(nodes *rpc.Client, c session.Command) (dialer, error) {
	key, _, err := grant.EnsureKey(f.data + "/relay/session-key.pem")
	if err != nil {
		return nil, err
	}
	signer := grant.NewSigner("bench", key)
	container, err := f.container(nodes, signer)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, r sessionclient.Resume) (sessionclient.Conn, error) {
		token, err := signer.Sign(grant.Grant{Agent: "bench", Principal: "bench", Session: session.NewID(),
			Container: container, Command: &c, Rights: []session.Right{session.Exec}}, time.Minute)
		if err != nil {
			return nil, err
		}
		q := sessionrpc.NewRequest(token, r)
		q.Rows, q.Cols = 24, 80
		conn, err := sessionrpc.Open(ctx, nodes, "bench", q)
		if err != nil {
			err = &sessionclient.FinalError{Err: err}
		}
		return conn, err
	}, nil
}

// container returns the container as grants name it: that of a session that has just ended.
func (f *sessionFleet) container(nodes *rpc.Client, signer *grant.Signer) (c session.Container, err error) {
	if _, err := run(f.viaRelay(session.Command{Args: []string{"/bin/true"}})); err != nil {
		return c, err
	}
	token, err := signer.Sign(grant.Grant{Agent: "bench", Principal: "bench", Rights: []session.Right{session.List}},
		time.Minute)
	if err != nil {
		return c, err
	}
	all, err := sessionrpc.List(context.Background(), nodes, "bench", token)
	if err == nil && len(all) == 0 {
		err = errors.New("the node has no session")
	}
	if err != nil {
		return c, err
	}
	return all[0].Container, nil
}

// run runs a session to its end, and discards its output.
func run(d dialer) (session.Exit, error) {
	ctx, cancel := timeout()
	defer cancel()
	s := sessionclient.New(sessionclient.Options{Dial: d, Stdout: io.Discard, Stderr: os.Stderr})
	return s.Run(ctx)
}
