package journal

// group is the files in which one journald, or another writer, numbers entries in one
// sequence: those of the system and of all users, one after the other.
type group struct {
	id     ID
	passed uint64 // number of the entry that was read last, 0 if none was since the reader sought
}

// group returns the group of a file's entry.
func (r *Reader) group(c *fileCursor, id ID) *group {
	if c.group == nil || c.group.id != id { // journald may set the id with the first entry
		if c.group = r.findGroup(id); c.group == nil {
			c.group = &group{id: id}
			r.groups = append(r.groups, c.group)
		}
	}
	return c.group
}

func (r *Reader) findGroup(id ID) *group {
	for _, g := range r.groups {
		if g.id == id {
			return g
		}
	}
	return nil
}

// alignTails goes on to the newest tail in all files of a group: journald wrote to some
// while the tails of others were looked for.
func (r *Reader) alignTails() {
	for _, c := range r.files {
		for c.f.live.Load() && r.peek(c, false) && c.e.seqnum <= r.group(c, c.e.seqnumID).passed {
			c.drop()
		}
	}
}
