package query

import (
	"sync"
	"unsafe"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/frame"
)

const (
	// fewPatterns is how many patterns are matched again for each entry: that costs less
	// than to look for an answer.
	fewPatterns = 16
	// maxAnswers bounds the answers that a filter keeps. A node has fewer containers that
	// write at the same time.
	maxAnswers = 4096
)

// source is whose entries a filter decides about. Labels of a container are shared by its
// entries, and nobody changes them.
type source struct {
	origin entry.Origin
	labels *frame.Label
}

// memo keeps the answers of a filter with many patterns, of which there are a thousand for
// somebody whom a thousand rules allow something.
type memo struct {
	filter func(*entry.Origin, []frame.Label) bool

	mu      sync.Mutex
	answers map[source]bool
}

func (m *memo) allows(o *entry.Origin, labels []frame.Label) bool {
	of := source{*o, unsafe.SliceData(labels)}
	m.mu.Lock()
	defer m.mu.Unlock()
	answer, ok := m.answers[of]
	if !ok {
		answer = m.filter(o, labels)
		if m.answers == nil || len(m.answers) == maxAnswers {
			m.answers = map[source]bool{}
		}
		m.answers[of] = answer
	}
	return answer
}
