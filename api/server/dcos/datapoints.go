package dcos

import (
	"math"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/v1"
)

// column is a column that DC/OS had too, with its names in all versions.
type column struct {
	m     *metric.Metric
	names []string
	unit  string
	whole bool // shown without fraction, as DC/OS did
}

// columns are the columns that DC/OS had, by kind.
var columns = func() (all [metric.MaxKind + 1][]column) {
	for k := metric.Host; k <= metric.MaxKind; k++ {
		for i := range metric.Columns(k) {
			m := &metric.Columns(k)[i]
			if m.DCOS == "" {
				continue
			}
			c := column{m: m, names: strings.Fields(m.DCOS), unit: m.Unit.String()}
			switch {
			case c.names[0] == "system.uptime": // seconds, which DC/OS called a count
				c.unit, c.whole = "count", true
			case k == metric.Host && m.Unit == metric.Milli && strings.HasPrefix(c.names[0], "cpu."):
				c.unit = "percent"
			}
			all[k] = append(all[k], c)
		}
	}
	return all
}()

// datapoints collects the datapoints of one answer.
type datapoints struct {
	list []v1.Datapoint
	at   string
}

func newDatapoints(b *frame.Batch) *datapoints {
	return &datapoints{at: time.Unix(0, b.Time).UTC().Format(time.RFC3339Nano)}
}

// add appends one value under each of its names. NaN and infinite values are left
// out: they have no form in JSON, and clients fail on them.
func (d *datapoints) add(names []string, value float64, unit string, tags map[string]string) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return
	}
	for _, name := range names {
		d.list = append(d.list, v1.Datapoint{Name: name, Value: value, Unit: unit, Timestamp: d.at, Tags: tags})
	}
}

// columns appends the columns of a row that DC/OS had. Limits that are not set are
// left out.
func (d *datapoints) columns(k metric.Kind, row []int64, tags map[string]string) {
	for _, c := range columns[k] {
		v := row[c.m.Column]
		if v == metric.Absent || c.m.Type == metric.Gauge && metric.IsUnlimited(v) {
			continue
		}
		value := c.m.Value(v)
		if c.whole {
			value = math.Floor(value)
		}
		d.add(c.names, value, c.unit, tags)
	}
}

// nodeDatapoints returns the metrics of a node.
func nodeDatapoints(b *frame.Batch) []v1.Datapoint {
	d := newDatapoints(b)
	each := func(k metric.Kind, tag, label string) {
		t := b.Table(k)
		if t == nil {
			return
		}
		for i, r := range t.Rows {
			var tags map[string]string
			if tag != "" {
				v := r.Label(label)
				if v == "" {
					v = r.Key
				}
				tags = map[string]string{tag: v}
			}
			d.columns(k, t.Row(i), tags)
		}
	}
	each(metric.Host, "", "")
	each(metric.Filesystem, "path", "mountpoint")
	each(metric.Interface, "interface", "device")
	return d.list
}

// containerDatapoints returns the metrics of a container.
func containerDatapoints(b *frame.Batch, r *frame.Row, row []int64) []v1.Datapoint {
	d := newDatapoints(b)
	tags := containerTags(r)
	d.columns(metric.Container, row, tags)
	if cpus, ok := cpusLimit(r, row); ok {
		d.add([]string{"cpus.limit"}, cpus, "count", tags)
	}
	d.network(b, r, tags)
	d.blkio(b, r, tags)
	return d.list
}

// containerTags returns the tags that DC/OS put on each datapoint of a container.
func containerTags(r *frame.Row) map[string]string {
	tags := map[string]string{}
	for tag, label := range map[string]string{
		"container_id": "container_id", "executor_id": "executor_id", "framework_id": "framework_id",
		"source": "executor_id", "executor_name": "task_name",
	} {
		if v := r.Label(label); v != "" {
			tags[tag] = v
		}
	}
	return tags
}

// cpusLimit returns the CPUs that a container may use: its quota, else for a Mesos
// task the CPUs that its shares were computed from. ok is false if neither is set.
func cpusLimit(r *frame.Row, row []int64) (float64, bool) {
	if cpus, ok := metric.CPULimit(row); ok {
		return cpus, true
	}
	if s := row[metric.CPUShares]; r.Label("framework_id") != "" && s != metric.Absent {
		return float64(s) / 1024, true
	}
	return 0, false
}

// network appends the traffic of a container, summed over all interfaces but
// loopback: DC/OS had one interface.
func (d *datapoints) network(b *frame.Batch, r *frame.Row, tags map[string]string) {
	t := b.Table(metric.ContainerNet)
	if t == nil {
		return
	}
	sum := make([]int64, t.Width())
	for c := range sum {
		sum[c] = metric.Absent
	}
	for i, dev := range t.Rows {
		if dev.Parent == r.ID && dev.Label("interface") != "lo" {
			addUp(sum, t.Row(i))
		}
	}
	d.columns(metric.ContainerNet, sum, tags)
}

// addUp adds a row to sums. A column that is absent in all rows stays absent.
func addUp(sum, row []int64) {
	for c, v := range row {
		switch {
		case v == metric.Absent:
		case sum[c] == metric.Absent:
			sum[c] = v
		default:
			sum[c] += v
		}
	}
}

// blkioNames are DC/OS' names for the columns of ContainerIO.
var blkioNames = []struct {
	column int
	name   string
	op     string
	unit   string
}{
	{metric.IOReads, "io_serviced", "read", "count"},
	{metric.IOWrites, "io_serviced", "write", "count"},
	{metric.IODiscards, "io_serviced", "discard", "count"},
	{metric.IOReadBytes, "io_service_bytes", "read", "bytes"},
	{metric.IOWriteBytes, "io_service_bytes", "write", "bytes"},
	{metric.IODiscardBytes, "io_service_bytes", "discard", "bytes"},
}

// blkio appends the I/O of a container by device, and the sum over all devices.
func (d *datapoints) blkio(b *frame.Batch, r *frame.Row, tags map[string]string) {
	t := b.Table(metric.ContainerIO)
	if t == nil {
		return
	}
	sum := make([]int64, t.Width())
	for c := range sum {
		sum[c] = metric.Absent
	}
	for i, dev := range t.Rows {
		if dev.Parent == r.ID {
			addUp(sum, t.Row(i))
			d.device(dev.Label("major")+":"+dev.Label("minor"), t.Row(i), tags)
		}
	}
	d.device("total", sum, tags)
}

func (d *datapoints) device(device string, row []int64, tags map[string]string) {
	with := map[string]string{"blkio_device": device}
	for k, v := range tags {
		with[k] = v
	}
	totals := map[string]int64{}
	for _, n := range blkioNames {
		v := row[n.column]
		if v == metric.Absent {
			continue
		}
		totals[n.name] += v
		d.add([]string{"blkio.throttling." + n.name + "." + n.op}, float64(v), n.unit, with)
	}
	for _, n := range blkioNames {
		if v, ok := totals[n.name]; ok && n.op == "read" {
			d.add([]string{"blkio.throttling." + n.name + ".total"}, float64(v), n.unit, with)
		}
	}
}
