package origin

// Dropped is what the kernel dropped of one sender's packets.
type Dropped struct {
	Origin    Origin
	Packets   uint64 // as the socket counts them
	Datagrams uint64 // greater than Packets if the kernel had joined datagrams
}

// DropsKnown reports whether drops are counted by sender.
func (t *Table) DropsKnown() bool { return t.drops != nil }

// CountDrops starts counting the drops at a UDP socket by sender.
func (t *Table) CountDrops(fd int) error {
	if t.drops == nil {
		return nil
	}
	return t.drops.Socket(fd)
}

// Drops appends what the kernel dropped since the previous call, by sender. A sender may
// occur more than once. It must not be called concurrently. Only a cgroup that is new
// needs a lookup, which allocates.
func (t *Table) Drops(dst []Dropped) []Dropped {
	if t.drops == nil {
		return dst
	}
	t.mu.Lock()
	t.dropped = t.dropped[:0]
	if !t.closed {
		t.dropped = t.drops.Read(t.dropped)
	}
	t.mu.Unlock()
	for i := range t.dropped {
		d := &t.dropped[i]
		of := Dropped{Packets: d.Packets, Datagrams: d.Datagrams}
		switch {
		case d.Port != 0:
			of.Origin = Origin(t.ports[d.Port].Load())
		case d.Cgroup != 0:
			of.Origin = t.ofCgroup(d.Hierarchy, d.Cgroup)
		}
		dst = append(dst, of)
	}
	return dst
}
