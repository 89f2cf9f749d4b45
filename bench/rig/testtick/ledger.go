package testtick

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// AddLedgerRow adds a row to a ledger, which balances.
func AddLedgerRow(t *frame.Table, id, parent uint64, key string, accepted, badValue, shed int64) {
	row := AddRow(t, &frame.Row{ID: id, Parent: parent, Key: key})
	for c := range row {
		row[c] = 0
	}
	row[metric.StatsdAccepted], row[metric.StatsdRejectedValue], row[metric.StatsdShed] = accepted, badValue, shed
	row[metric.StatsdReceived] = accepted + badValue + shed
}

// WithLedger is a tick that has the ledger of five senders and of all together.
func WithLedger() *frame.Batch {
	b := New(2, false)
	l := frame.Table{Kind: metric.Statsd, Gen: 1}
	AddLedgerRow(&l, 1, 0, "", 31, 5, 0)
	AddLedgerRow(&l, 2, 1, "/docker/x", 1, 1, 0)
	AddLedgerRow(&l, 3, 2, "/docker/y", 2, 1, 0)
	AddLedgerRow(&l, 4, 0, "unknown", 4, 1, 0)
	AddLedgerRow(&l, 5, 0, "/no/container", 8, 1, 0)
	AddLedgerRow(&l, 6, 0, "launched", 16, 1, 0)
	l.Rows[5].Labels = []frame.Label{{Name: "container_id", Value: "launched"}, {Name: "task_name", Value: "web"}}
	b.Tables = append(b.Tables, l)
	return b
}
