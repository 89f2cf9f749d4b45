package relay

import (
	"path/filepath"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/relay/sessions"
	"github.com/daytwo/daytwo/relay/sessions/recordings"
	"github.com/daytwo/daytwo/relay/sessions/requests"
)

// recordingsDir is the name of the directory of recordings in the data directory.
const recordingsDir = "recordings"

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
	c := &r.cfg.Recordings
	kept, err := recordings.Open(recordings.Options{Dir: filepath.Join(r.cfg.DataDir, recordingsDir), Relay: r.cfg.ID,
		Keep: c.Keep, Bytes: c.Bytes, Recipients: c.Recipients, Log: r.cfg.Log})
	if err != nil { // everything else goes on, and sessions that have to be recorded do not start
		r.cfg.Log.Error("no session can be recorded", "err", err)
	}
	r.sessions = sessions.New(sessions.Options{Fleet: r.fleet, Nodes: r.rpc, Signer: grant.NewSigner(r.cfg.ID, key),
		Requests: requests.New(r.conn, r.cfg.Cluster, r.cfg.Stream.Replicas), Audit: record,
		Recordings: kept, Record: policy.Record(c.All), Unseen: c.Unseen, Log: r.cfg.Log})
	return r.sessions, nil
}
