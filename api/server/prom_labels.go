package server

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// hidden stands for the labels of a row that must not be exposed: it would
// repeat another one, or belongs to a container that is not there.
const hidden = "-"

// runtimeLabel marks labels that a container's runtime knows.
const runtimeLabel = "label."

// promLabels are the row labels exposed, by kind. Others are left out, so that
// no row can collide with a fixed label or with agent_id.
var promLabels = [metric.MaxKind + 1][]string{
	metric.CPU:        {"cpu"},
	metric.Disk:       {"device"},
	metric.Filesystem: {"device", "fstype", "mountpoint"},
	metric.Interface:  {"device"},
	metric.Container: {
		"application_name", "container", "container_id", "executor_id", "framework_id", "framework_name", "image", "name",
		"namespace", "pod", "pod_uid", "runtime", "slice", "task_id", "task_name", "unit",
	},
	metric.ContainerHugetlb: {"pagesize"},
	metric.ContainerNet:     {"interface"},
	metric.Part:             {"part", "reader", "reason"},
}

// labelCache keeps the label texts of one agent's rows, which are most of an
// exposition and change only when rows do.
type labelCache struct {
	mu    sync.Mutex
	boot  uint64
	kinds [metric.MaxKind + 1]*rowLabels
}

// rowLabels are the texts of one table's rows. Never changed once made.
type rowLabels struct {
	ids   []uint64
	short []string // without braces; hidden for rows left out
	long  []string // of ContainerIO: with major and minor too; of Host: what uname(1) says; else nil
}

// of returns the label texts of a table, making them if its rows are new.
func (c *labelCache) of(b *frame.Batch, t *frame.Table, agentLabel bool) *rowLabels {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.boot != b.Boot {
		c.boot, c.kinds = b.Boot, [metric.MaxKind + 1]*rowLabels{}
	}
	if l := c.kinds[t.Kind]; l != nil && sameRows(l.ids, t.Rows) {
		return l
	}
	l := makeLabels(b, t, agentLabel, c.kinds[t.Kind])
	c.kinds[t.Kind] = l
	return l
}

func sameRows(ids []uint64, rows []*frame.Row) bool {
	if len(ids) != len(rows) {
		return false
	}
	for i, r := range rows {
		if ids[i] != r.ID {
			return false
		}
	}
	return true
}

// makeLabels makes the texts of all rows of a table, taking over from before
// those of rows that stay.
func makeLabels(b *frame.Batch, t *frame.Table, agentLabel bool, before *rowLabels) *rowLabels {
	l := &rowLabels{ids: make([]uint64, len(t.Rows)), short: make([]string, len(t.Rows))}
	if t.Kind == metric.ContainerIO || t.Kind == metric.Host {
		l.long = make([]string, len(t.Rows))
	}
	agent := ""
	if agentLabel {
		agent = b.Agent
	}
	parents := parentRows(b, t.Kind)
	known := map[uint64]int{}
	if before != nil {
		for i, id := range before.ids {
			known[id] = i
		}
	}
	seen := make(map[string]bool, len(t.Rows))
	var buf []byte
	for i, r := range t.Rows {
		l.ids[i] = r.ID
		if j, ok := known[r.ID]; ok && before.short[j] != hidden {
			l.short[i] = before.short[j]
			if l.long != nil {
				l.long[i] = before.long[j]
			}
		} else {
			parent, ok := parents[r.Parent]
			if !ok && r.Parent != 0 {
				l.short[i] = hidden
				continue
			}
			buf = appendRowLabels(buf[:0], t.Kind, agent, r, parent)
			l.short[i] = string(buf)
			if l.long != nil {
				l.long[i] = string(appendLongLabels(buf, t.Kind, r))
			}
		}
		if seen[l.short[i]] {
			l.short[i] = hidden
		}
		seen[l.short[i]] = true
	}
	return l
}

// parentRows finds the containers that a table's rows belong to.
func parentRows(b *frame.Batch, k metric.Kind) map[uint64]*frame.Row {
	if k != metric.ContainerIO && k != metric.ContainerHugetlb && k != metric.ContainerNet {
		return nil
	}
	t := b.Table(metric.Container)
	if t == nil {
		return nil
	}
	parents := make(map[uint64]*frame.Row, len(t.Rows))
	for _, r := range t.Rows {
		parents[r.ID] = r
	}
	return parents
}

// appendRowLabels appends a row's labels without braces.
func appendRowLabels(dst []byte, k metric.Kind, agent string, r, parent *frame.Row) []byte {
	if agent != "" {
		dst = appendLabel(dst, "agent_id", agent)
	}
	if parent != nil {
		dst = appendContainerLabels(dst, parent)
	}
	switch k {
	case metric.Container:
		return appendContainerLabels(dst, r)
	case metric.ContainerIO:
		return appendLabel(dst, "device", devicePath(r))
	case metric.CPU:
		if r.Label("cpu") == "" {
			return appendLabel(dst, "cpu", r.Key)
		}
	}
	for _, name := range promLabels[k] {
		dst = appendLabel(dst, name, r.Label(name))
	}
	return dst
}

// appendLongLabels completes a row's labels to its long ones.
func appendLongLabels(dst []byte, k metric.Kind, r *frame.Row) []byte {
	if k == metric.Host {
		if r.Label("hostname") == "" {
			return append(dst[:0], hidden...) // the machine did not say
		}
		dst = appendLabel(dst, "sysname", "Linux")
		dst = appendLabel(dst, "nodename", r.Label("hostname"))
		for _, name := range []string{"domainname", "machine", "release", "version"} {
			dst = appendLabel(dst, name, r.Label(name))
		}
		return dst
	}
	dst = appendLabel(dst, "major", r.Label("major"))
	return appendLabel(dst, "minor", r.Label("minor"))
}

// devicePath is what cAdvisor calls a block device, or its numbers where it
// has no name.
func devicePath(r *frame.Row) string {
	d := r.Label("device")
	switch {
	case d == "":
		return r.Label("major") + ":" + r.Label("minor")
	case d[0] == '/':
		return d
	}
	return "/dev/" + d
}

// appendContainerLabels appends cAdvisor's labels of a cgroup and the origin tags.
func appendContainerLabels(dst []byte, r *frame.Row) []byte {
	dst = appendLabel(dst, "id", r.Key)
	for _, name := range promLabels[metric.Container] {
		dst = appendLabel(dst, name, r.Label(name))
	}
	var names map[string]bool // of labels that had to be changed to be valid
	for _, l := range r.Labels {
		key, ok := strings.CutPrefix(l.Name, runtimeLabel)
		if !ok {
			continue
		}
		name := "container_label_" + sanitise(key)
		if names[name] {
			continue // two keys became one name: the first stays
		}
		if names == nil {
			names = map[string]bool{}
		}
		names[name] = true
		dst = appendLabel(dst, name, l.Value)
	}
	return dst
}

// sanitise makes a label name of a key: what is not a letter, a digit or "_"
// becomes "_", as in cAdvisor.
func sanitise(key string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, key)
}

// appendLabel appends a label and, before it, a comma if it is not the first.
// Empty values are left out: to Prometheus they are the same as none.
func appendLabel(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, name...)
	dst = append(dst, '=', '"')
	dst = appendEscaped(dst, value)
	return append(dst, '"')
}

// appendEscaped escapes a label value; bytes that are no UTF-8, and NUL,
// become U+FFFD.
func appendEscaped(dst []byte, s string) []byte {
	for _, r := range s {
		switch r {
		case '\\':
			dst = append(dst, '\\', '\\')
		case '"':
			dst = append(dst, '\\', '"')
		case '\n':
			dst = append(dst, '\\', 'n')
		case 0:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
