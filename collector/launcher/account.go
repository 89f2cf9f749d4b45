package launcher

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// account is the user and the groups that a task runs as.
type account struct {
	credential *syscall.Credential // nil for those of this process
	home, name string              // home directory and name of the user, "" if unknown or not changed
}

// findAccount returns the account for the values of --user, USER or USER:GROUP, and of
// --group. Users and groups are names or numbers, which it looks up in /etc/passwd and
// /etc/group. The account of a user has the same supplementary groups that
// initgroups(3) sets. A group alone changes only the primary group. It returns an error
// if the user or the group does not exist, or if this process is not root's.
func findAccount(userSpec, group string) (a account, err error) {
	if userSpec == "" && group == "" {
		return a, nil
	}
	flag := "--group"
	if userSpec != "" {
		flag = "--user"
	}
	if os.Geteuid() != 0 {
		return a, fmt.Errorf("%s: only root can run a task as someone else", flag)
	}
	name, of, both := strings.Cut(userSpec, ":")
	switch {
	case both && (name == "" || of == ""):
		return a, fmt.Errorf("--user %s: give USER or USER:GROUP", userSpec)
	case both && group != "":
		return a, fmt.Errorf("--user %s and --group %s both name a group: give one", userSpec, group)
	case both:
		group = of
	}
	a.credential = &syscall.Credential{Uid: uint32(os.Getuid()), NoSetGroups: userSpec == ""}
	if group != "" {
		if a.credential.Gid, err = findGroup(group); err != nil {
			return account{}, fmt.Errorf("%s: %w", flag, err)
		}
	}
	if userSpec != "" {
		if err := a.become(name, group != ""); err != nil {
			return account{}, fmt.Errorf("%s: %w", flag, err)
		}
	}
	return a, nil
}

// become sets the account to a user, given by name or number. Unless hasGroup says that
// a primary group is already set, it sets the user's own.
func (a *account) become(name string, hasGroup bool) error {
	u, err := findUser(name)
	if err != nil {
		return err
	}
	c := a.credential
	if u == nil { // a number that is not in /etc/passwd
		if !hasGroup {
			return fmt.Errorf("user id %s is not in /etc/passwd, so its group is not known: give %s:GROUP", name, name)
		}
		c.Uid, _ = parseID(name)
		c.Groups = []uint32{c.Gid}
		a.home = "/"
		return nil
	}
	uid, ok := parseID(u.Uid)
	own, ok2 := parseID(u.Gid)
	if !ok || !ok2 {
		return fmt.Errorf("user %s has the ids %s and %s in /etc/passwd, which no process can have", u.Username, u.Uid, u.Gid)
	}
	c.Uid, a.home, a.name = uid, cmp.Or(u.HomeDir, "/"), u.Username
	if !hasGroup {
		c.Gid = own
	}
	groups, err := u.GroupIds() // includes own
	if err != nil {
		return fmt.Errorf("find the groups of user %s: %w", u.Username, err)
	}
	c.Groups = []uint32{c.Gid}
	for _, g := range groups {
		if id, ok := parseID(g); ok && id != own && id != c.Gid {
			c.Groups = append(c.Groups, id)
		}
	}
	return nil
}

// findUser returns a user by name or number. It returns nil without an error for a
// number that no user has.
func findUser(name string) (*user.User, error) {
	u, err := user.Lookup(name)
	if err == nil {
		return u, nil
	}
	if !errors.As(err, new(user.UnknownUserError)) {
		return nil, err
	}
	if _, ok := parseID(name); !ok {
		return nil, fmt.Errorf("there is no user %q in /etc/passwd", name)
	}
	u, err = user.LookupId(name)
	if errors.As(err, new(user.UnknownUserIdError)) {
		return nil, nil
	}
	return u, err
}

// findGroup returns the number of a group, given by name or number.
func findGroup(name string) (uint32, error) {
	g, err := user.LookupGroup(name)
	if err == nil {
		name = g.Gid
	} else if !errors.As(err, new(user.UnknownGroupError)) {
		return 0, err
	}
	if id, ok := parseID(name); ok {
		return id, nil
	}
	return 0, fmt.Errorf("there is no group %q in /etc/group", name)
}

// parseID parses the number of a user or a group. The highest 32-bit number is invalid,
// because to the kernel it means "unchanged".
func parseID(s string) (id uint32, ok bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n < 1<<32-1
}
