package relay

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/relay/checkpoints"
)

// openAudit opens the audit log of the data directory.
func (c *Config) openAudit(a *access) (err error) {
	a.points = checkpoints.New(checkpoints.Options{
		Relay: c.ID, Stream: bus.Config{Cluster: c.Cluster, Replicas: c.Stream.Replicas, Memory: c.Stream.Memory},
		Missing: func(s audit.Sent) {
			c.Log.Error("the audit log was cut or replaced while this relay did not run: NATS has a checkpoint that it lacks; "+
				"'daytwo audit verify --checkpoints relay' says where", "number", s.Seq, "hash", s.Hash, "time", s.Time)
			a.record(audit.Record{What: fmt.Sprintf("the log lacks number %d of the checkpoint of %s, with the hash %s",
				s.Seq, s.Time.Format(time.RFC3339), s.Hash)})
		},
		Log: c.Log,
	})
	a.audit, err = audit.Open(filepath.Join(c.DataDir, audit.Dir), audit.Options{
		Log: c.Log,
		Checkpoint: func(seq uint64, hash string) {
			// The journal gets this line too: whoever changes the audit log cannot easily
			// change that.
			c.Log.Info(audit.CheckpointMessage, "number", seq, "hash", hash, "relay_id", c.ID)
			a.points.Add(seq, hash)
		},
	})
	if err != nil {
		return err
	}
	a.opened = a.audit.Newest()
	return nil
}

// record adds a line to the audit log, which logs and counts its own errors.
func (a *access) record(r audit.Record) { _ = a.audit.Record(r) }

func (a *access) policyChanged(err error) {
	if a.audit == nil {
		return
	}
	r := audit.Record{What: "a new policy is in use", Decision: audit.Allowed}
	if err != nil {
		r = audit.Record{What: "a new policy is refused", Decision: audit.Refused, Error: err.Error()}
	}
	a.record(r)
}

// close closes the audit log, once, and sends its last checkpoint if there still is a connection
// to NATS.
func (a *access) close() error {
	if a.audit == nil || a.closed {
		return nil
	}
	a.closed = true
	err := a.audit.Close()
	if e := a.points.Flush(); e != nil && !errors.Is(e, checkpoints.ErrNoConnection) {
		a.log.Warn("NATS lacks the last checkpoint of the audit log", "err", e)
	}
	return err
}

// writeAuditMetrics writes the metrics of the audit log in the text format.
func (a *access) writeAuditMetrics(w io.Writer) {
	if a.audit == nil {
		return
	}
	a.points.WriteMetrics(w)
	s, err := a.audit.Stats()
	var b strings.Builder
	for _, m := range []struct {
		name, help string
		v          uint64
	}{
		{"lines", "Lines written to the audit log.", s.Lines},
		{"summed", "Refused requests that are part of a sum in the audit log.", s.Summed},
		{"failed", "Records that could not be written to the audit log.", s.Failed},
	} {
		fmt.Fprintf(&b, "# HELP daytwo_audit_%s_total %s\n# TYPE daytwo_audit_%s_total counter\ndaytwo_audit_%s_total %d\n",
			m.name, m.help, m.name, m.name, m.v)
	}
	up := 1
	if err != nil {
		up = 0
	}
	fmt.Fprintf(&b, "# HELP daytwo_audit_up Whether the audit log could be written last.\n"+
		"# TYPE daytwo_audit_up gauge\ndaytwo_audit_up %d\n", up)
	_, _ = io.WriteString(w, b.String()) // the client is gone
}
