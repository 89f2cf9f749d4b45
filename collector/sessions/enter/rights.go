package enter

import (
	"io"
	"slices"

	"golang.org/x/sys/unix"
)

// rightsFor returns what a session may do: what the first process could do if it
// executed the command, or what another user of the container can.
func rightsFor(p *pinned, id *identity, s Spec) (r rights, u user, err error) {
	r = rights{
		inheritable: id.inheritable, permitted: id.permitted, effective: id.effective, bounding: id.bounding,
		ambient: id.ambient, noNewPrivs: id.noNewPrivs, filters: id.filters, label: id.label, groups: id.groups,
	}
	for i := range r.uids {
		var ok, ok2 bool
		r.uids[i], ok = id.uidMap.inside(id.uids[i])
		r.gids[i], ok2 = id.gidMap.inside(id.gids[i])
		if !ok || !ok2 {
			return r, u, refuse(NoParity, "the container's user namespace does not map the ids of its first process")
		}
	}
	// The effective ids are those that count: a process that has changed them for a while
	// only executes programs as the user that it is now.
	u = user{uid: r.uids[1], gid: r.gids[1]}
	if s.User == "" {
		err = inFile(p, "etc/passwd", func(f io.Reader) error {
			a, _, err := findAccount(f, func(a account) bool { return a.uid == u.uid })
			u.home = a.home
			return err
		})
	} else {
		err = r.become(p, id, s.User, &u)
	}
	if err != nil {
		return r, u, err
	}
	if u.home == "" {
		u.home = "/"
	}
	if s.Privileged {
		all := ^uint64(0) >> (64 - capabilities())
		r.permitted, r.effective, r.bounding, r.inheritable, r.ambient = all, all, all, 0, 0
		r.noNewPrivs, r.filters, r.label = false, nil, label{}
	}
	return r, u, nil
}

// become changes the rights to those of a user that was named.
func (r *rights) become(p *pinned, id *identity, spec string, u *user) error {
	first := r.uids[1]
	extra, err := addedGroups(p, id, first)
	if err != nil {
		return err
	}
	if *u, err = lookup(p, spec, extra); err != nil {
		return err
	}
	for i := range r.uids {
		r.uids[i], r.gids[i] = u.uid, u.gid
	}
	if _, ok := id.uidMap.outside(u.uid); !ok {
		return refuse(NoUser, "the container's user namespace does not map the uid %d", u.uid)
	}
	if _, ok := id.gidMap.outside(u.gid); !ok {
		return refuse(NoUser, "the container's user namespace does not map the gid %d", u.gid)
	}
	if id.setgroups { // else the groups of the first process are all that there can be
		r.groups = nil
		for _, g := range u.groups {
			if out, ok := id.gidMap.outside(g); ok && !slices.Contains(r.groups, out) {
				r.groups = append(r.groups, out)
			}
		}
	}
	switch {
	case u.uid == first:
	case u.uid == 0: // as the runtimes: what root of the container would have
		r.permitted, r.effective, r.inheritable, r.ambient = r.bounding, r.bounding, 0, 0
	default:
		r.permitted, r.effective, r.inheritable, r.ambient = 0, 0, 0, 0
	}
	return nil
}

// addedGroups returns the groups of the first process that are not due to its user, as
// --group-add of the runtimes gives them to all processes of a container.
func addedGroups(p *pinned, id *identity, uid uint32) (extra []uint32, err error) {
	if len(id.groups) == 0 {
		return nil, nil
	}
	var name string
	due := []uint32{}
	err = inFile(p, "etc/passwd", func(f io.Reader) error {
		a, _, err := findAccount(f, func(a account) bool { return a.uid == uid })
		name, due = a.name, append(due, a.gid)
		return err
	})
	if err == nil {
		err = inFile(p, "etc/group", func(f io.Reader) error {
			of, _, _, err := readGroups(f, name, "")
			due = append(due, of...)
			return err
		})
	}
	gid, _ := id.gidMap.inside(id.gids[1])
	due = append(due, gid)
	for _, g := range id.groups {
		if in, ok := id.gidMap.inside(g); ok && !slices.Contains(due, in) {
			extra = append(extra, in)
		}
	}
	return extra, err
}

// checkFilters refuses filters that cannot be copied, and completes their flags.
func (id *identity) checkFilters(allowNotify bool) error {
	for i := range id.filters {
		if id.filters[i].asks() && !allowNotify {
			return refuse(Notify, "a seccomp filter of the container asks a supervisor (SECCOMP_RET_USER_NOTIF), which "+
				"cannot be copied to a session")
		}
		if id.specAllowed {
			id.filters[i].flags |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
		}
	}
	if id.seccomp == 2 && (len(id.filters) == 0 || id.filterCount >= 0 && len(id.filters) != id.filterCount) {
		return refuse(NoParity, "the container has %d seccomp filters, of which %d could be read", id.filterCount,
			len(id.filters))
	}
	if id.seccomp == 1 {
		return refuse(NoParity, "the container's first process is in seccomp's strict mode, in which nothing can be executed")
	}
	return nil
}
