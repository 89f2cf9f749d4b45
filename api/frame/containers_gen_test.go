package frame

import (
	"fmt"
	"math/rand/v2"

	"github.com/daytwo/daytwo/api/metric"
)

// containersGen makes container rows as a node has them: most columns never move, an
// idle container moves nothing, a working one some twenty columns that hang
// together (cpu times, pages in steps of 4096, faults, pressure).
type containersGen struct {
	r    *rand.Rand
	b    Batch
	work []float64 // share of a core that a row uses; 0 = idle
}

// newContainersGen has containers of which the given share works.
func newContainersGen(containers int, working float64) *containersGen {
	l := &containersGen{r: rand.New(rand.NewPCG(9, 9))}
	l.b.Header = Header{Agent: "3f2a9c64b1d84c0ea1b2c3d4e5f60718", Boot: 99, Time: 1_700_000_000e9, Interval: 1e9}
	t := Table{Kind: metric.Container, Gen: 1}
	w := t.Width()
	for i := range containers {
		id := fmt.Sprintf("%016x%016x%016x%016x", l.r.Uint64(), l.r.Uint64(), l.r.Uint64(), l.r.Uint64())
		t.Rows = append(t.Rows, &Row{ID: uint64(i + 1), Key: "/system.slice/docker-" + id + ".scope", Labels: []Label{
			{"container_id", id}, {"container_name", fmt.Sprintf("web-%d", i)},
			{"image", fmt.Sprintf("registry.example/shop/app-%d:1.%d", i%40, i%7)}, {"runtime", "docker"}}})
		t.Vals = append(t.Vals, make([]int64, w)...)
		row := t.Row(i)
		for c := range row {
			switch {
			case c >= metric.PSICPUSome && c <= metric.PSIIRQFull,
				c == metric.CPUShares,
				c == metric.MemTCP,
				c == metric.MemSW:
				row[c] = metric.Absent
			case c == metric.MemMax, c == metric.MemHigh, c == metric.PidsMax, c == metric.MemSwapMax:
				row[c] = metric.Unlimited
			case c == metric.CPUUsage, c == metric.CPUUser, c == metric.CPUSystem:
				row[c] = l.r.Int64N(1 << 40)
			case c == metric.Created:
				row[c] = 1_699_000_000 + l.r.Int64N(900_000)
			case c >= metric.FirstStat && c < metric.StatWorkingsetRefaultAnon && c%3 != 0,
				c == metric.MemCurrent,
				c == metric.MemPeak:
				row[c] = l.r.Int64N(1<<17) * 4096
			case c == metric.StatPgfault, c == metric.StatPgmajfault:
				row[c] = l.r.Int64N(1 << 22)
			}
		}
		share := 0.0
		if l.r.Float64() < working {
			share = l.r.ExpFloat64() * 0.05
		}
		l.work = append(l.work, share)
	}
	l.b.Tables = []Table{t}
	return l
}

// tick moves time on by a second.
func (l *containersGen) tick() *Batch {
	l.b.Seq++
	l.b.Time += l.b.Interval
	t := &l.b.Tables[0]
	for i, share := range l.work {
		if share == 0 {
			continue
		}
		row := t.Row(i)
		cpu := int64(1e9 * share * (0.5 + l.r.Float64()))
		cpu -= cpu % 1000 // the kernel counts microseconds
		row[metric.CPUUsage] += cpu
		row[metric.CPUUser] += cpu / 4 * 3
		row[metric.CPUSystem] += cpu / 4
		pages := l.r.Int64N(64) - 31
		row[metric.MemCurrent] += pages * 4096
		row[metric.StatAnon] += pages * 4096
		row[metric.StatActiveAnon] += pages * 4096
		if l.r.IntN(4) == 0 {
			file := l.r.Int64N(16) * 4096
			row[metric.StatFile] += file
			row[metric.StatInactiveFile] += file
			row[metric.StatFileDirty] += l.r.Int64N(8) * 4096
			row[metric.StatSlabReclaimable] += l.r.Int64N(2000)
			row[metric.StatSlab] += l.r.Int64N(2000)
			row[metric.PidsCurrent] = 5 + l.r.Int64N(3)
			row[metric.Threads] = 5 + l.r.Int64N(3)
		}
		row[metric.StatPgfault] += l.r.Int64N(300)
		row[metric.StatPgactivate] += l.r.Int64N(20)
		row[metric.StatKernel] += (l.r.Int64N(5) - 2) * 4096
		row[metric.StatSock] = l.r.Int64N(3) * 4096
	}
	return &l.b
}
