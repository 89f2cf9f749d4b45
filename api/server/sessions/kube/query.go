package kube

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/wire"
)

// Subprotocols. The fifth can say that input has ended; they are the same beside that.
const (
	v5 = "v5.channel.k8s.io"
	v4 = "v4.channel.k8s.io"
)

// detached is how long a session goes on without a client. Those of Kubernetes cannot come back,
// but somebody may take the session up by 'daytwo session attach'.
const detached = 10 * time.Second

// window is how many bytes of an output may be on their way from the node.
const window = 256 << 10

// Offered reports whether a request offers one of the subprotocols of this package.
func Offered(r *http.Request) bool {
	for _, list := range r.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name == v5 || name == v4 {
				return true
			}
		}
	}
	return false
}

// exec is what the address asks for.
type exec struct {
	broker.Request
	wants [wire.Streams]bool // which streams the client has
}

// parse reads the parameters of an address: those that exec has in Kubernetes, and ours (task,
// agent, user, workdir, env, privileged).
func parse(q url.Values) (*exec, error) {
	e := &exec{}
	e.wants = [wire.Streams]bool{flag(q, "stdin"), flag(q, "stdout"), flag(q, "stderr")}
	e.Container, e.Agent = q.Get("task"), q.Get("agent")
	if e.Container == "" {
		e.Container = q.Get("container")
	}
	e.Command = session.Command{Args: q["command"], User: q.Get("user"), Workdir: q.Get("workdir"), Env: q["env"],
		TTY: flag(q, "tty"), Stdin: e.wants[wire.Stdin], Privileged: flag(q, "privileged")}
	e.Limits.Detached = detached
	// It is the writer also without input: who writes may resize, and misses no output.
	e.Client, e.Write = session.NewID(), true
	for s := wire.Stdout; s < wire.Streams; s++ {
		e.Out[s].Window = window
	}
	switch {
	case e.Container == "":
		return nil, errors.New("the parameter task or container has to name a container")
	case !slices.Contains(e.wants[:], true):
		return nil, errors.New("at least one of the parameters stdin, stdout and stderr has to be true")
	}
	return e, e.Command.Check()
}

// flag reports whether a parameter is true, as Kubernetes reads it.
func flag(q url.Values, name string) bool {
	v, ok := q[name]
	return ok && v[0] != "0" && !strings.EqualFold(v[0], "false")
}
