package prom

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// hidden is the label text of a row that is not exposed, because it would duplicate another
// row or its container has no row.
const hidden = "-"

// exposedLabels are the row labels that are exposed, by kind. Others are left out,
// so that none can collide with a fixed label or with agent_id.
var exposedLabels = [metric.MaxKind + 1][]string{
	metric.CPU:        {"cpu"},
	metric.Disk:       {"device"},
	metric.Filesystem: {"device", "fstype", "mountpoint"},
	metric.Interface:  {"device"},
	metric.Container: slices.Sorted(slices.Values(append(metric.OriginTags[1:], // agent_id belongs to the tick
		"container", "image", "name", "namespace", "pod", "pod_uid", "runtime", "slice", "unit"))),
	metric.ContainerHugetlb: {"pagesize"},
	metric.ContainerNet:     {"interface"},
	metric.Part:             {"part", "reader", "reason"},
	metric.StatsdListener:   {"listener"},
	metric.Call:             {"source"},
	metric.LogEvents:        {"kind"},
	metric.Hardware: slices.Sorted(slices.Values(append([]string{"core_id", "level", "node_id", "page_size",
		"target_node_id", "thread_id", "type"}, metric.MachineLabels...))),
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
	case metric.Statsd:
		if parent == nil && r.Key != "" {
			return appendSenderLabels(dst, r)
		}
	case metric.ContainerIO:
		return appendLabel(dst, "device", devicePath(r))
	case metric.CPU:
		if r.Label("cpu") == "" {
			return appendLabel(dst, "cpu", r.Key)
		}
	}
	return appendLabels(dst, r, exposedLabels[k])
}

// appendLabels appends those labels of a row that have one of the names.
func appendLabels(dst []byte, r *frame.Row, names []string) []byte {
	for _, name := range names {
		dst = appendLabel(dst, name, r.Label(name))
	}
	return dst
}

// appendLongLabels appends the labels that only the long label text of a row has.
func appendLongLabels(dst []byte, k metric.Kind, r *frame.Row) []byte {
	if k == metric.Host {
		if r.Label("hostname") == "" {
			return append(dst[:0], hidden...) // unknown
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

// devicePath returns cAdvisor's name of a block device, or its numbers if it has
// none.
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
	return appendOriginLabels(appendLabel(dst, "id", r.Key), r)
}

// appendSenderLabels appends the labels of a StatsD sender without a row of kind
// Container.
func appendSenderLabels(dst []byte, r *frame.Row) []byte {
	if r.Label("container_id") == "" { // a cgroup, or "unknown"
		dst = appendLabel(dst, "id", r.Key)
	}
	return appendOriginLabels(dst, r)
}

func appendOriginLabels(dst []byte, r *frame.Row) []byte {
	for _, name := range exposedLabels[metric.Container] {
		dst = appendLabel(dst, name, r.Label(name))
	}
	var names map[string]bool // of labels of the runtime
	for _, l := range r.Labels {
		key, ok := strings.CutPrefix(l.Name, metric.RuntimeLabel)
		if !ok {
			continue
		}
		name := "container_label_" + sanitise(key)
		if names[name] {
			continue // two keys with one name: the first is exposed
		}
		if names == nil {
			names = map[string]bool{}
		}
		names[name] = true
		dst = appendLabel(dst, name, l.Value)
	}
	return dst
}

// sanitise returns a label name for a key: what is not a letter, a digit or "_"
// becomes "_", as in cAdvisor.
func sanitise(key string) string {
	return strings.Map(sanitiseRune, key)
}

func sanitiseRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '_'
}

// appendLabel appends a label and, before it, a comma if it is not the first.
// An empty value is left out: to Prometheus it is the same as no label.
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

// appendEscaped appends an escaped label value. Bytes that are not UTF-8, and NUL,
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
