package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/v1"
)

// agents answers GET /api/v1/agents.
func (s *server) agents(w http.ResponseWriter, r *http.Request) error {
	if _, err := params(r); err != nil {
		return err
	}
	list := []v1.Agent{}
	for _, a := range s.Fleet.Agents() {
		list = append(list, s.agent(r.Context(), a))
	}
	return web.WriteJSON(w, r, v1.Agents{Agents: list})
}

func (s *server) agent(_ context.Context, a query.Agent) v1.Agent {
	out := v1.Agent{
		AgentID: a.ID, Hostname: a.Hostname, Boot: strconv.FormatUint(a.Boot, 16), Seq: a.Seq,
		Time: time.Unix(0, a.Time).UTC(), Interval: float64(a.Interval) / 1e9, Stale: a.Stale,
		Containers: a.Containers, Cgroups: a.Cgroups, Missing: a.Missing,
	}
	// An agent whose tick cannot be read is listed without its values.
	_ = s.Fleet.View(a.ID, func(b *frame.Batch) {
		t := b.Table(metric.Host)
		if t == nil || len(t.Rows) == 0 {
			return
		}
		row := t.Row(0)
		out.Cores = intValue(row, metric.HostCPUs)
		out.Load1 = floatValue(metric.Host, row, metric.HostLoad1)
		out.MemoryTotal = intValue(row, metric.HostMemTotal)
		out.MemoryAvailable = intValue(row, metric.HostMemAvailable)
		out.Uptime = floatValue(metric.Host, row, metric.HostUptime)
		if percent := floatValue(metric.Host, row, metric.HostCPUTotalPercent); percent != nil && out.Cores != nil {
			used := *percent / 100 * float64(*out.Cores)
			out.CPUUsed = &used
		}
	})
	return out
}

// intValue returns a column as it is stored, nil if it is absent or a limit that
// is not set.
func intValue(row []int64, column int) *int64 {
	v := row[column]
	if v == metric.Absent || metric.IsUnlimited(v) {
		return nil
	}
	return &v
}

// floatValue returns a column in the unit it is shown in, nil if it is absent.
func floatValue(k metric.Kind, row []int64, column int) *float64 {
	if row[column] == metric.Absent {
		return nil
	}
	v := metric.Columns(k)[column].Value(row[column])
	return &v
}
