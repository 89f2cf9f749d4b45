package collector

import (
	"context"
	"maps"

	"github.com/daytwo/daytwo/api/auth/verbs"
	"github.com/daytwo/daytwo/api/logrpc"
	"github.com/daytwo/daytwo/api/rpc"
)

// rpcHandlers returns what this node answers over NATS, by verb. It returns an error for a verb
// that is not in the table of what they require.
func (n *Node) rpcHandlers() (map[string]rpc.Handler, error) {
	handlers := logrpc.Handlers(n.Logs())
	maps.Copy(handlers, n.sessionHandlers())
	for verb := range handlers {
		if _, err := verbs.Of(verb); err != nil {
			return nil, err
		}
	}
	return handlers, nil
}

// serveRPC answers the requests that relays send to this node, until ctx ends.
func (n *Node) serveRPC(ctx context.Context) {
	if n.conn == nil {
		return
	}
	s := rpc.NewServer(rpc.ServerOptions{Conn: n.conn, Cluster: n.cfg.Cluster, Agent: n.cfg.AgentID,
		Handlers: n.rpc, Log: n.log.With("component", "rpc")})
	if err := s.Run(ctx); err != nil {
		n.log.Error("requests of relays to this node are not answered", "err", err)
	}
}
