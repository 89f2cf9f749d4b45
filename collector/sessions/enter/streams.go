package enter

import "golang.org/x/sys/unix"

// openStreams opens a terminal, or three pipes. It returns the descriptors that are only
// needed until the command runs.
func (s *Session) openStreams(p *pinned, pl *plan, spec Spec) (theirs []int, err error) {
	uid, ok := pl.uidMap.outside(pl.rights.uids[1])
	if !ok {
		return nil, refuse(NoUser, "the container's user namespace does not map the uid %d", pl.rights.uids[1])
	}
	if spec.TTY {
		t, err := openTerminal(p, spec.Rows, spec.Cols, int(uid))
		if err != nil {
			return nil, err
		}
		s.Master, s.HostTerminal = t.master, t.host
		pl.stdio = [3]int{t.slave, t.slave, t.slave}
		if t.host {
			s.Notes = append(s.Notes, "the terminal is one of the host, as the container has no /dev/pts: "+
				"programs there cannot tell its name")
		}
		return []int{t.slave}, nil
	}
	for i, end := range []*int{&s.Stdin, &s.Stdout, &s.Stderr} {
		var fds [2]int
		if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
			return theirs, because(NoParity, err, "no pipe can be made")
		}
		ours, their := fds[0], fds[1]
		if i == 0 {
			ours, their = their, ours
		}
		*end, theirs = ours, append(theirs, their)
		pl.stdio[i] = their
		if err := unix.SetNonblock(ours, true); err != nil {
			return theirs, because(NoParity, err, "no pipe can be made")
		}
		// So that a user that is not root can open /dev/stdout.
		if err := unix.Fchown(their, int(uid), -1); err != nil {
			return theirs, because(NoParity, err, "no pipe can be given to the user")
		}
	}
	return theirs, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
