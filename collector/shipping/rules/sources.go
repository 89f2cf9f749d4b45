package rules

// maxSources bounds the sources that one rule knows apart. Those of more are treated as
// one.
const maxSources = 4096

const otherSources = "other sources"

// sources are the states of one rule, one for each source of entries.
type sources[S any] struct {
	of  map[string]*state[S]
	key []byte
}

type state[S any] struct {
	source string
	used   bool // since the last expiry
	s      S
}

// get returns the state of an entry's source.
func (m *sources[S]) get(f *Facts) *state[S] {
	m.key = f.appendSource(m.key[:0])
	s := m.of[view(m.key)]
	if s == nil {
		s = m.add()
	}
	s.used = true
	return s
}

func (m *sources[S]) add() *state[S] {
	if m.of == nil {
		m.of = map[string]*state[S]{}
	}
	name := string(m.key)
	if len(m.of) >= maxSources {
		name = otherSources
		if s := m.of[name]; s != nil {
			return s
		}
	}
	s := &state[S]{source: name}
	m.of[name] = s
	return s
}

// expire forgets the sources that had no entry since the last call.
func (m *sources[S]) expire() {
	for name, s := range m.of {
		if !s.used {
			delete(m.of, name)
		}
		s.used = false
	}
}
