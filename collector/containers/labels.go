package containers

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// Bounds of what one container's labels may add to its rows.
const (
	maxLabels     = 64       // labels of the runtime
	maxLabelKey   = 128      // bytes; a longer key is left out
	maxLabelValue = 1 << 10  // bytes; a longer value is cut
	maxLabelBytes = 10 << 10 // of all labels of a row
)

// builder collects a row's labels: valid UTF-8, none empty, bounded.
type builder struct {
	labels []frame.Label
	bytes  int
}

// add adds a label unless one of that name is there already.
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

// addAll adds a runtime's labels as label.<key>, the first ones by name where
// there are too many.
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
	return slices.Clone(b.labels) // no larger than needed: it stays
}

// internalLabel tells the labels and annotations that runtimes keep for
// themselves, or that a row has under another name.
func internalLabel(k string) bool {
	switch k {
	case podNameKey, podNamespaceKey, podUIDKey, containerNameKey, "io.container.manager", "org.opencontainers.image.stopSignal", "bundle":
		return true
	}
	for _, p := range []string{"io.cri-containerd.", "containerd.io/", "io.containerd.", "io.podman.annotations.", "io.kubernetes.cri-o.", "io.kubernetes.cri.",
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
		for end > 0 && limit-end < utf8.UTFMax && !utf8.RuneStart(s[end]) { // do not cut a rune in two
			end--
		}
		s = s[:end]
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > limit { // the replacement is longer than what it replaces
		return clean(s, limit)
	}
	return s
}
