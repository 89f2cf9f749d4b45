package logs

import "github.com/daytwo/daytwo/api/entry"

// repeats finds the fields of an entry that occur more than once. Its memory is reused.
type repeats struct {
	chain []int32          // of each field: the next one of its name; 0 if it is the last
	isNot []bool           // of each field: not the first of its name
	last  map[string]int32 // of each name, for entries of many fields
}

// fewFields is up to how many fields are compared with one another.
const fewFields = 32

func (r *repeats) find(fields []entry.Field) {
	r.chain, r.isNot = r.chain[:0], r.isNot[:0]
	for range fields {
		r.chain, r.isNot = append(r.chain, 0), append(r.isNot, false)
	}
	if len(fields) > fewFields {
		r.findMany(fields)
		return
	}
	for i := range fields {
		for k := i - 1; k >= 0; k-- {
			if fields[k].Name == fields[i].Name {
				r.chain[k], r.isNot[i] = int32(i), true
				break
			}
		}
	}
}

func (r *repeats) findMany(fields []entry.Field) {
	if r.last == nil {
		r.last = make(map[string]int32, len(fields))
	}
	for i := range fields {
		if k, ok := r.last[fields[i].Name]; ok {
			r.chain[k], r.isNot[i] = int32(i), true
		}
		r.last[fields[i].Name] = int32(i)
	}
	clear(r.last)
}

// later reports whether field i is not the first of its name.
func (r *repeats) later(i int) bool { return r.isNot[i] }

// next returns the next field of field i's name, 0 if there is none.
func (r *repeats) next(i int) int { return int(r.chain[i]) }
