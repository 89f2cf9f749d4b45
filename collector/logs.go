package collector

import (
	"context"
	"os"
	"slices"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/containers"
	"github.com/daytwo/daytwo/collector/journal/logs"
)

// Logs configures from where a collector answers queries of log entries. The zero value
// of a field means its default.
type Logs struct {
	Off  bool
	Dirs []string // of journal files; default /run/log/journal and /var/log/journal
	// TokenFile holds the token that the node's own HTTP routes of logs require; default
	// <DataDir>/token, which is created if it is missing.
	TokenFile string
}

// openLogs prepares the answers to queries of log entries. It opens no file: the first
// query does.
func (n *Node) openLogs() {
	if n.cfg.Logs.Off {
		return
	}
	n.groups.logs = logs.NewIdentities(containers.PathContainer)
	n.logs = logs.New(logs.Options{
		Agent: n.cfg.AgentID, Dirs: n.cfg.Logs.Dirs, Identities: n.groups.logs, NoCgroups: !booted(),
		Calls: logs.NewCalls(n.calls),
		Ended: n.endedContainers,
		Log:   n.log.With("component", "logs"),
	})
}

// booted reports whether systemd runs as the first process (sd_booted(3)).
func booted() bool {
	info, err := os.Lstat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// endedContainers returns the containers that have ended and whose log is in files.
func (n *Node) endedContainers(ctx context.Context) (ended []*logs.Identity) {
	all, errs := n.names.Logged(ctx)
	for _, err := range errs {
		n.log.Warn("logs of containers that have ended may be missing", "err", err)
	}
	for _, c := range all {
		if !c.Runs {
			ended = append(ended, logIdentity(c.Identity))
		}
	}
	return ended
}

// Logs returns the log entries of this node.
func (n *Node) Logs() query.Logs {
	if n.logs == nil {
		return query.NoLogs{}
	}
	return n.logs
}

// guard returns what checks the token of the routes of logs, nil if there is no token:
// then these routes are not served.
func (n *Node) guard() *auth.Guard {
	if n.logs == nil {
		return nil
	}
	var token string
	var err error
	if file := n.cfg.Logs.TokenFile; file != "" {
		token, err = auth.Source{File: file}.Find()
	} else {
		token, err = auth.EnsureToken(n.cfg.DataDir, n.log)
	}
	var g *auth.Guard
	if err == nil {
		g, err = auth.NewGuard(token)
	}
	if err != nil {
		n.log.Warn("this node's own routes of logs are not served, as they require a token", "err", err)
		return nil
	}
	return g
}

// logIdentity returns what is known of a container, as entries of logs show it.
func logIdentity(id *containers.Identity) *logs.Identity {
	i := &logs.Identity{Name: id.Name, Labels: id.Labels, LogPath: id.LogPath, LogUser: id.LogUser}
	for _, l := range id.Labels {
		if metric.IsOriginTag(l.Name) {
			i.Origin.SetTag(l.Name, l.Value)
		}
	}
	i.Origin.SetTag("container_id", id.ContainerID)
	return i
}

// logRows holds the rows about answers to queries of log entries: one for each kind of
// event.
type logRows struct {
	nextID func() uint64
	kinds  []string
	rows   []*frame.Row
	vals   []int64
	gen    uint64
}

// fill fills the columns about queries of logs, and the rows of events.
func (r *logRows) fill(v []int64, n *logs.Node) {
	s := n.Stats()
	v[metric.SelfLogStreams], v[metric.SelfLogQueries] = s.Open, int64(s.Opened)
	v[metric.SelfLogEntries], v[metric.SelfLogBytes] = int64(s.Entries), int64(s.Bytes)
	for i := range s.Events {
		if kind := string(s.Events[i].Kind); !slices.Contains(r.kinds, kind) {
			r.kinds = append(r.kinds, kind)
			r.rows = append(r.rows[:len(r.rows):len(r.rows)], &frame.Row{ID: r.nextID(), Key: kind,
				Labels: []frame.Label{{Name: "kind", Value: kind}}})
			r.vals = make([]int64, len(r.rows)*metric.Width(metric.LogEvents))
			r.gen++
		}
	}
	for i := range s.Events {
		r.vals[slices.Index(r.kinds, string(s.Events[i].Kind))*metric.Width(metric.LogEvents)] = int64(s.Events[i].Count)
	}
}

func (r *logRows) table() frame.Table { return table(metric.LogEvents, r.gen, r.rows, r.vals) }
