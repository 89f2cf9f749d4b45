package collector

import (
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/cgroups"
	"github.com/daytwo/daytwo/collector/containers"
)

func TestRootLimitsAndRuntimeStarts(t *testing.T) {
	s := &cgroups.Snapshot{Gen: 1,
		Groups: []*cgroups.Group{
			{ID: 1, Path: "/", Name: "/"}, {ID: 2, Path: "/a", Name: "/a"}, {ID: 3, Path: "/b", Name: "/b"},
		},
		Vals: make([]int64, 3*metric.Width(metric.Container))}
	for i := range s.Vals {
		s.Vals[i] = metric.Absent
	}
	host := frame.Table{Kind: metric.Host, Rows: []*frame.Row{{ID: 1}}, Vals: make([]int64, metric.Width(metric.Host))}
	host.Vals[metric.HostMemTotal], host.Vals[metric.HostSwapTotal] = 64<<30, 0
	fillRoot(s, []frame.Table{host})
	if s.Row(0)[metric.MemMax] != 64<<30 || s.Row(0)[metric.MemSwapMax] != 0 ||
		s.Row(1)[metric.MemMax] != metric.Absent {
		t.Errorf("limits of the root %d, %d, of another group %d",
			s.Row(0)[metric.MemMax], s.Row(0)[metric.MemSwapMax], s.Row(1)[metric.MemMax])
	}
	id := uint64(0)
	g := groupRows{nextID: func() uint64 { id++; return id }, forget: func(string) {},
		resolve: func(path string) *containers.Identity {
			if path == "/a" {
				return &containers.Identity{ContainerID: "a", Started: 1_700_000_000_500_000_000}
			}
			return &containers.Identity{}
		}}
	g.update(s, 1)
	g.fillStarts(s)
	if got := s.Row(1)[metric.Created]; got != 1_700_000_000 {
		t.Errorf("start of a container whose runtime tells: %d", got)
	}
	if got := s.Row(2)[metric.Created]; got != metric.Absent {
		t.Errorf("start of another group: %d", got)
	}
}
