package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/server/web"
)

// browserTime is how long a user may take to sign in with a browser.
const browserTime = 10 * time.Minute

// oidcToken signs a user in at the relay's identity provider: by the device flow, or with a
// browser on this machine if the provider has none, or if that is asked for.
func oidcToken(ctx context.Context, cl *client.Client, out io.Writer, browser bool) (string, error) {
	m, err := cl.SignInMethods(ctx)
	if err != nil {
		return "", err
	}
	if m.OIDC == nil {
		return "", errors.New("this relay has no identity provider: sign in as a local user, without --oidc")
	}
	if browser || !m.OIDC.Device {
		return browserToken(ctx, cl, out)
	}
	return cl.OIDC().Device(ctx, func(p client.Prompt) error {
		fmt.Fprintf(out, "Open %s and enter the code %s\n", printable(p.URL), printable(p.Code))
		if p.Complete != "" {
			fmt.Fprintf(out, "or open %s\n", printable(p.Complete))
		}
		return nil
	})
}

// browserToken waits on a port of the loopback address for the browser to come back.
func browserToken(ctx context.Context, cl *client.Client, out io.Writer) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, browserTime, errors.New("nobody signed in in time: try again"))
	defer cancel()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	b := cl.OIDC().Browser(l.Addr().(*net.TCPAddr).Port)
	type outcome struct {
		token string
		err   error
	}
	done := make(chan outcome, 1)
	srv := web.NewHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("state") != b.State { // a browser asks for more than it is told to
			http.NotFound(w, r)
			return
		}
		o := outcome{err: cl.OIDC().Failed(q.Get("error"))}
		if q.Get("error") == "" {
			o.token, o.err = b.Redeem(ctx, q.Get("code"))
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if o.err != nil {
			fmt.Fprintf(w, "You are not signed in: %v.\n", o.err)
		} else {
			fmt.Fprintln(w, "You are signed in. Close this window.")
		}
		select {
		case done <- o:
		default: // it is the second one
		}
	}), slog.New(slog.DiscardHandler))
	go func() { _ = srv.Serve(l) }() // it ends below
	defer func() {
		patience, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		_ = srv.Shutdown(patience) // the browser has its answer, or never asks
		_ = srv.Close()
	}()
	fmt.Fprintf(out, "Open this in a browser on this machine:\n%s\n", b.URL)
	select {
	case o := <-done:
		return o.token, o.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
