package relay

import (
	"path/filepath"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/relay/sessions"
	"github.com/daytwo/daytwo/relay/sessions/requests"
)

// openSessions prepares the sessions of a relay, nil for one without a data directory: it has
// no key to sign grants with, and no audit log.
func (r *Relay) openSessions(record func(audit.Record)) (*sessions.Broker, error) {
	if r.cfg.DataDir == "" {
		return nil, nil
	}
	path := filepath.Join(r.cfg.DataDir, setting.SessionKey)
	key, created, err := grant.EnsureKey(path)
	if err != nil {
		return nil, err
	}
	if created {
		r.cfg.Log.Info("created the key that signs grants of sessions; nodes need its public key (--session-keys)",
			"path", path, "public", path+grant.PublicSuffix)
	}
	return sessions.New(sessions.Options{Fleet: r.fleet, Nodes: r.rpc, Signer: grant.NewSigner(r.cfg.ID, key),
		Requests: requests.New(r.conn, r.cfg.Cluster, r.cfg.Stream.Replicas), Audit: record, Log: r.cfg.Log}), nil
}
