package origin

// Dropped is what the kernel dropped of one sender's.
type Dropped struct {
	Origin    Origin
	Packets   uint64 // as the socket counts them
	Datagrams uint64 // more than Packets where the kernel had joined some
}

// DropsKnown reports whether Drops has anything to tell.
func (t *Table) DropsKnown() bool { return t.drops != nil }

// CountDrops lets Drops tell from now on what is dropped at a UDP socket.
func (t *Table) CountDrops(fd int) error {
	if t.drops == nil {
		return nil
	}
	return t.drops.Socket(fd)
}

// Drops appends what the kernel dropped since the call before, by sender; one may
// come more than once. It is not to be called by two at once. Only a cgroup that
// never sent before costs a look-up, and allocates.
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
