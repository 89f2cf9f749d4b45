package containers

// Running returns the container with an id whose first process is known, or nil. Only
// containers whose cgroups were passed to Resolve are found.
func (r *Resolver) Running(id string) *Identity {
	if id == "" {
		return nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, e := range r.entries {
		// A cgroup below that of a container has the container's identity, too.
		if e.id.ContainerID == id && e.id.PID != 0 {
			return e.id
		}
	}
	return nil
}
