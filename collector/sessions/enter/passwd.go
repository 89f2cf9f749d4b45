package enter

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// user is who a session runs as, by the ids of the container's user namespace.
type user struct {
	uid, gid uint32
	groups   []uint32 // further ones
	home     string   // "" if unknown
}

// account is a line of /etc/passwd.
type account struct {
	name     string
	uid, gid uint32
	home     string
	shell    string
}

const (
	maxUserFile = 64 << 20 // bytes of passwd or group that are read
	maxUserLine = 1 << 20
	maxGroups   = 65536 // NGROUPS_MAX
)

// openInside opens a file of the container to read it. Links are followed within its
// root only; what is no regular file is not opened, as that could hang.
func openInside(p *pinned, name string) (*os.File, error) {
	path, err := unix.Openat2(p.root, name, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(path)
	var st unix.Stat_t
	if err := unix.Fstat(path, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, &os.PathError{Op: "open", Path: name, Err: errors.New("it is no regular file")}
	}
	return os.OpenFile("/proc/self/fd/"+strconv.Itoa(path), os.O_RDONLY, 0)
}

// userLines calls f with the fields of each line of a file as passwd(5), until it
// returns false. A file that does not exist has none. Lines that are no entries are
// skipped, as the C library does.
func userLines(r io.Reader, fields int, f func([]string) bool) error {
	s := bufio.NewScanner(io.LimitReader(r, maxUserFile))
	s.Buffer(nil, maxUserLine)
	for s.Scan() {
		if v := strings.Split(s.Text(), ":"); len(v) >= fields && !strings.HasPrefix(v[0], "#") && !f(v) {
			return nil
		}
	}
	return s.Err()
}

// accounts looks for the first account for which match returns true.
func findAccount(r io.Reader, match func(account) bool) (found account, ok bool, err error) {
	err = userLines(r, 4, func(v []string) bool {
		a := account{name: v[0]}
		if number(v[2], 10, &a.uid) != nil || number(v[3], 10, &a.gid) != nil {
			return true
		}
		if len(v) > 5 {
			a.home = v[5]
		}
		if len(v) > 6 {
			a.shell = v[6]
		}
		if ok = match(a); ok {
			found = a
		}
		return !ok
	})
	return found, ok, err
}

// readGroups returns the groups of which a user is a member, and the id of the group that
// has a name.
func readGroups(r io.Reader, member, name string) (of []uint32, gid uint32, found bool, err error) {
	err = userLines(r, 3, func(v []string) bool {
		var id uint32
		if number(v[2], 10, &id) != nil {
			return true
		}
		if !found && name != "" && v[0] == name {
			gid, found = id, true
		}
		if len(v) > 3 && member != "" {
			for m := range strings.SplitSeq(v[3], ",") {
				if m == member && len(of) < maxGroups {
					of = append(of, id)
					break
				}
			}
		}
		return true
	})
	return of, gid, found, err
}

// inFile calls f with a file of the container, or with an empty one if it has none.
func inFile(p *pinned, name string, f func(io.Reader) error) error {
	file, err := openInside(p, name)
	if errors.Is(err, os.ErrNotExist) {
		return f(strings.NewReader(""))
	}
	if err != nil {
		return because(NoUser, err, "the file /%s %s cannot be read", name, p.within)
	}
	defer file.Close()
	if err := f(file); err != nil {
		return because(NoUser, err, "the file /%s %s cannot be read", name, p.within)
	}
	return nil
}

// lookup finds out who a name of the form user[:group] is, from the container's own
// passwd and group. extra are groups that the container's processes have in addition to
// what these files say.
func lookup(p *pinned, spec string, extra []uint32) (u user, err error) {
	name, group, explicit := strings.Cut(spec, ":")
	if name == "" || explicit && group == "" {
		return u, refuse(Invalid, "%q is no user: give name or uid, and \":group\" if need be", spec)
	}
	byID := number(name, 10, &u.uid) == nil
	var a account
	var known bool
	err = inFile(p, "etc/passwd", func(r io.Reader) error {
		var err error
		a, known, err = findAccount(r, func(a account) bool { return a.name == name || byID && a.uid == u.uid })
		return err
	})
	if err != nil {
		return u, err
	}
	if !known && !byID {
		return u, refuse(NoUser, "there is no user %q in /etc/passwd %s: give a uid", name, p.within)
	}
	if known {
		u.uid, u.gid, u.home = a.uid, a.gid, a.home
	}
	gidByID := explicit && number(group, 10, &u.gid) == nil
	member := a.name
	if explicit {
		member = "" // as the runtimes: a group that is named replaces those of the user
	}
	var gid uint32
	var found bool
	err = inFile(p, "etc/group", func(r io.Reader) error {
		var err error
		u.groups, gid, found, err = readGroups(r, member, group)
		return err
	})
	switch {
	case err != nil:
		return u, err
	case explicit && found:
		u.gid = gid
	case explicit && !gidByID:
		return u, refuse(NoUser, "there is no group %q in /etc/group %s: give a gid", group, p.within)
	}
	u.groups = append(u.groups, extra...)
	return u, nil
}
