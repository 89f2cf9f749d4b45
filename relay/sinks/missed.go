package sinks

// missed are the sequence numbers of messages that were passed over: NATS may have given
// them to another relay, which does not run the sink any more, and delivers them once more,
// behind newer ones, when that one has not acknowledged them.
type missed []span

// span are the sequence numbers from first to last.
type span struct{ first, last uint64 }

// maxSpans bounds the spans. When there are more, the oldest two become one: some records
// may then be delivered twice, but none is lost.
const maxSpans = 256

// add adds a span that is newer than all others.
func (m *missed) add(first, last uint64) {
	if first > last {
		return
	}
	*m = append(*m, span{first, last})
	if s := *m; len(s) > maxSpans {
		s[1].first = s[0].first
		*m = append(s[:0], s[1:]...)
	}
}

// has reports whether a message was passed over.
func (m missed) has(seq uint64) bool {
	for _, s := range m {
		if seq >= s.first && seq <= s.last {
			return true
		}
	}
	return false
}

// remove removes a message that was accepted after all.
func (m *missed) remove(seq uint64) {
	for i, s := range *m {
		if seq < s.first || seq > s.last {
			continue
		}
		rest := append(missed(nil), (*m)[i+1:]...)
		*m = (*m)[:i]
		if s.first < seq {
			*m = append(*m, span{s.first, seq - 1})
		}
		if seq < s.last {
			*m = append(*m, span{seq + 1, s.last})
		}
		*m = append(*m, rest...)
		return
	}
}
