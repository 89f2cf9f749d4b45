package policy

import "slices"

// index finds the selectors that may allow some tags without trying all of them: each is
// listed under the texts that the patterns of one of its requirements are, or begin with.
// What it costs depends on how many different lengths these beginnings have, and on how
// many selectors share one, not on how many selectors there are.
type index struct{ keys []keyIndex }

type keyIndex struct {
	key      key
	exact    map[string][]*selector // by the texts of patterns without wildcards
	lengths  []int                  // of the beginnings of the others, ascending
	byPrefix map[string][]*selector // by these beginnings
}

// newIndex indexes selectors, which must be in the order of the file, and have
// requirements.
func newIndex(all []*selector) (x index) {
	for _, s := range all {
		r := pivot(s)
		i := slices.IndexFunc(x.keys, func(k keyIndex) bool { return k.key == r.key })
		if i < 0 {
			i = len(x.keys)
			x.keys = append(x.keys, keyIndex{
				key: r.key, exact: map[string][]*selector{}, byPrefix: map[string][]*selector{},
			})
		}
		x.keys[i].add(s, r)
	}
	return x
}

// pivot returns the requirement under which a selector is found: that whose patterns begin
// with the longest texts.
func pivot(s *selector) *requirement {
	best, most := &s.all[0], -1
	for i := range s.all {
		least := int(^uint(0) >> 1)
		for j := range s.all[i].patterns {
			least = min(least, len(s.all[i].patterns[j].Prefix()))
		}
		if least > most {
			best, most = &s.all[i], least
		}
	}
	return best
}

func (k *keyIndex) add(s *selector, r *requirement) {
	for i := range r.patterns {
		if text, ok := r.patterns[i].Text(); ok {
			put(k.exact, text, s)
			continue
		}
		prefix := r.patterns[i].Prefix()
		put(k.byPrefix, prefix, s)
		if at, ok := slices.BinarySearch(k.lengths, len(prefix)); !ok {
			k.lengths = slices.Insert(k.lengths, at, len(prefix))
		}
	}
}

// put appends a selector to a list, once.
func put(m map[string][]*selector, text string, s *selector) {
	if list := m[text]; len(list) == 0 || list[len(list)-1] != s {
		m[text] = append(list, s)
	}
}

// first returns the first selector, in the order of the file, that allows some tags; nil
// if none does.
func (x *index) first(t *Tags) (found *selector) {
	for i := range x.keys {
		k := &x.keys[i]
		v := t.value(&k.key)
		if v == "" {
			continue
		}
		found = earlier(found, k.exact[v], t)
		for _, n := range k.lengths {
			if n > len(v) {
				break
			}
			found = earlier(found, k.byPrefix[v[:n]], t)
		}
	}
	return found
}

// earlier returns the first selector of a list that allows some tags, if it comes before
// found in the file; else found.
func earlier(found *selector, list []*selector, t *Tags) *selector {
	for _, s := range list {
		if found != nil && s.rule.Number >= found.rule.Number {
			break
		}
		if s.allows(t) {
			return s
		}
	}
	return found
}

// size is the number of places where selectors are listed.
func (x *index) size() (n int) {
	for i := range x.keys {
		for _, list := range x.keys[i].byPrefix {
			n += len(list)
		}
		for _, list := range x.keys[i].exact {
			n += len(list)
		}
	}
	return n
}
