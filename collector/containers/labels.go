package containers

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Limits on the labels that one container adds to its rows.
const (
	maxLabels     = 64       // number of labels from the runtime
	maxLabelKey   = 128      // bytes; a longer key is omitted
	maxLabelValue = 1 << 10  // bytes; a longer value is truncated
	maxLabelBytes = 10 << 10 // bytes of all labels of a row together
)

// builder collects the labels of a row. They are valid UTF-8, none is empty, and their
// size is limited.
type builder struct {
	labels []frame.Label
	bytes  int
}

// add adds a label unless there is one of that name already.
func (b *builder) add(name, value string) {
	value = clean(value, maxLabelValue)
	if value == "" || name == "" || b.bytes+len(name)+len(value) > maxLabelBytes {
		return
	}
	for i := range b.labels {
		if b.labels[i].Name == name {
			return
		}
	}
	b.labels = append(b.labels, frame.Label{Name: name, Value: value})
	b.bytes += len(name) + len(value)
}

// addAll adds a runtime's labels as label.<key>. If there are too many, it adds the
// first ones in the order of their keys.
func (b *builder) addAll(labels map[string]string) {
	keys := make([]string, 0, len(labels))
	for k := range labels {
		if !internalLabel(k) && k != "" && len(k) <= maxLabelKey {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys[:min(len(keys), maxLabels)] {
		b.add(metric.RuntimeLabel+clean(k, maxLabelKey), labels[k])
	}
}

func (b *builder) sorted() []frame.Label {
	slices.SortFunc(b.labels, func(x, y frame.Label) int { return strings.Compare(x.Name, y.Name) })
	return slices.Clone(b.labels) // without spare capacity, as it is stored for long
}

// internalLabel reports whether a label or annotation is internal to a runtime, or is
// shown under another name.
func internalLabel(k string) bool {
	switch k {
	case podNameKey, podNamespaceKey, podUIDKey, containerNameKey,
		"io.container.manager", "org.opencontainers.image.stopSignal", "bundle":
		return true
	}
	for _, p := range []string{"io.cri-containerd.", "containerd.io/", "io.containerd.", "io.podman.annotations.",
		"io.kubernetes.cri-o.", "io.kubernetes.cri.",
		"io.kubernetes.docker.", "io.kubernetes.container.", "io.kubernetes.pod.", "io.kubernetes.sandbox.", "nerdctl/"} {
		if strings.HasPrefix(k, p) {
			return true
		}
	}
	return false
}

// clean makes s valid UTF-8 of at most limit bytes.
func clean(s string, limit int) string {
	if len(s) > limit {
		end := limit
		for end > 0 && limit-end < utf8.UTFMax && !utf8.RuneStart(s[end]) { // do not cut inside a rune
			end--
		}
		s = s[:end]
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > limit { // a replacement character may be longer than the bytes it replaces
		return clean(s, limit)
	}
	return s
}
