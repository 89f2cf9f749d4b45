package collector

import (
	"errors"
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/shipping"
	"github.com/daytwo/daytwo/collector/shipping/rules"
)

// Shipping configures whether and how a collector ships the log entries of its node.
type Shipping struct {
	On        bool
	RulesFile string        // rules, as package shipping/rules reads them; "" = ship everything unchanged
	Since     time.Duration // how old the entries are with which the first start begins
	Stream    bus.Config    // how the stream is created if it is missing; Cluster is the collector's
}

// newShipper opens what ships logs. It returns nil if that is not configured.
func (n *Node) newShipper(logs query.Logs) (*shipping.Shipper, error) {
	cfg := &n.cfg.Shipping
	if !cfg.On {
		return nil, nil
	}
	if n.conn == nil {
		return nil, errors.New("ship-logs: there is no NATS to ship logs to: give --nats")
	}
	if n.logs == nil {
		return nil, errors.New("ship-logs: --journal none leaves no logs to ship: name directories")
	}
	var r *rules.Rules
	if cfg.RulesFile != "" {
		n.rules = &rulesFile{path: cfg.RulesFile, source: n.calls.Source("ship_rules", 1, nil),
			log: n.log.With("component", "shipping")}
		var err error
		if r, err = n.rules.load(); err != nil {
			return nil, fmt.Errorf("ship-rules: %w", err)
		}
	}
	stream := cfg.Stream
	stream.Cluster = n.cfg.Cluster
	return shipping.New(shipping.Options{
		Conn: n.conn, Agent: n.cfg.AgentID, Shards: n.cfg.Shards, Stream: stream, Logs: logs, Dir: n.cfg.DataDir,
		Rules: r, Since: cfg.Since, Log: n.log.With("component", "shipping"),
	})
}

// shippingRow is the row about log shipping.
type shippingRow struct {
	rows []*frame.Row
	vals []int64
}

// table returns the table of log shipping for one tick.
func (r *shippingRow) table(s *shipping.Shipper, file *rulesFile, nextID func() uint64) frame.Table {
	if r.rows == nil {
		r.rows = []*frame.Row{{ID: nextID()}}
		r.vals = make([]int64, metric.Width(metric.Shipping))
	}
	st, v := s.Stats(), r.vals
	for column, n := range [...]uint64{
		metric.ShipRead: st.Read, metric.ShipEntries: st.Entries, metric.ShipJoined: st.Joined, metric.ShipEvents: st.Events,
		metric.ShipFiltered: st.Filtered, metric.ShipSampledOut: st.SampledOut, metric.ShipRateLimited: st.RateLimited,
		metric.ShipRefused: st.Dropped, metric.ShipRedacted: st.Redacted, metric.ShipCut: st.Cut,
		metric.ShipStored: st.Stored, metric.ShipBatches: st.Batches, metric.ShipBytes: st.Bytes,
		metric.ShipResent: st.Resent, metric.ShipErrors: st.Errors, metric.ShipInFlight: uint64(st.InFlight),
		metric.ShipLag: uint64(st.Lag), metric.ShipPositionAge: uint64(st.PositionAge), metric.ShipRunning: 0,
	} {
		v[column] = int64(n)
	}
	if st.Running {
		v[metric.ShipRunning] = 1
	}
	v[metric.ShipRulesRefused] = 0
	if file != nil && file.refused.Load() {
		v[metric.ShipRulesRefused] = 1
	}
	return table(metric.Shipping, 1, r.rows, v)
}
