package users

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Errors of a Store.
var (
	ErrExists   = errors.New("there is a user of that name already")
	ErrUnknown  = errors.New("there is no user of that name")
	ErrPassword = errors.New("the name or the password is wrong") // which of them is not said
)

// maxChecks is how many passwords are hashed at once: each takes 19 MiB for some 20 ms.
const maxChecks = 2

// Store is the file of local users. It is safe for concurrent use, also by several
// processes: changes lock the file, and each reader sees them at once.
type Store struct {
	path   string
	checks chan struct{}

	mu    sync.Mutex
	users map[string]*User
	seen  stamp // of the file that users were read from
}

// stamp shows whether a file has been replaced.
type stamp struct {
	inode uint64
	size  int64
	time  unix.Timespec
}

// Open returns the store of a file, which need not exist. It returns an error if the file
// cannot be used.
func Open(path string) (*Store, error) {
	s := &Store{path: path, checks: make(chan struct{}, maxChecks)}
	_, err := s.load()
	return s, err
}

// load returns the users by name. It reads the file again if it has changed.
func (s *Store) load() (map[string]*User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var st unix.Stat_t
	now := stamp{}
	if err := unix.Stat(s.path, &st); err == nil {
		now = stamp{st.Ino, st.Size, st.Mtim}
	}
	if s.users != nil && now == s.seen {
		return s.users, nil
	}
	list, err := read(s.path)
	if err != nil {
		return nil, err
	}
	s.users = make(map[string]*User, len(list))
	for _, u := range list {
		s.users[u.Name] = u
	}
	s.seen = now
	return s.users, nil
}

// List returns all users, sorted by name, without their hashes.
func (s *Store) List() ([]User, error) {
	users, err := s.load()
	if err != nil {
		return nil, err
	}
	list := make([]User, 0, len(users))
	for _, u := range users {
		list = append(list, User{Name: u.Name, Groups: u.Groups, Created: u.Created})
	}
	slices.SortFunc(list, func(a, b User) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return list, nil
}

// nobody is checked instead of a user who does not exist, so that this takes as long.
var nobody = sync.OnceValue(func() hash { return newHash("") })

// Check returns the user with a name and a password, or ErrPassword. It takes some 20 ms,
// whether there is such a user or not.
func (s *Store) Check(name, password string) (User, error) {
	users, err := s.load()
	if err != nil {
		return User{}, err
	}
	u, ok := users[name]
	h := nobody()
	if ok {
		h = u.hash
	}
	if len(password) > maxPassword {
		return User{}, ErrPassword
	}
	s.checks <- struct{}{}
	matches := h.matches(password)
	<-s.checks
	if !ok || !matches {
		return User{}, ErrPassword
	}
	return User{Name: u.Name, Groups: u.Groups, Created: u.Created}, nil
}

// Get returns a user by name, or ErrUnknown: one who was removed is not to use old tokens.
func (s *Store) Get(name string) (User, error) {
	users, err := s.load()
	if err != nil {
		return User{}, err
	}
	u, ok := users[name]
	if !ok {
		return User{}, ErrUnknown
	}
	return User{Name: u.Name, Groups: u.Groups, Created: u.Created}, nil
}

// Add adds a user. It returns ErrExists if there is one of that name.
func (s *Store) Add(name string, groups []string, password string) error {
	groups = slices.Compact(slices.Sorted(slices.Values(groups)))
	u := &User{Name: name, Groups: groups, Created: time.Now().UTC().Truncate(time.Second)}
	if err := errors.Join(u.check(), CheckPassword(password)); err != nil {
		return err
	}
	return s.change(func(list []*User) ([]*User, error) {
		if find(list, name) >= 0 {
			return nil, ErrExists
		}
		if len(list) >= maxUsers {
			return nil, fmt.Errorf("there are %d users already", maxUsers)
		}
		u.Hash = text(newHash(password))
		return append(list, u), nil
	})
}

// Remove removes a user, or returns ErrUnknown.
func (s *Store) Remove(name string) error {
	return s.change(func(list []*User) ([]*User, error) {
		i := find(list, name)
		if i < 0 {
			return nil, ErrUnknown
		}
		return slices.Delete(list, i, i+1), nil
	})
}

// SetPassword changes a user's password, or returns ErrUnknown.
func (s *Store) SetPassword(name, password string) error {
	if err := CheckPassword(password); err != nil {
		return err
	}
	return s.change(func(list []*User) ([]*User, error) {
		i := find(list, name)
		if i < 0 {
			return nil, ErrUnknown
		}
		list[i].Hash = text(newHash(password))
		return list, nil
	})
}

// SetGroups changes a user's groups, or returns ErrUnknown.
func (s *Store) SetGroups(name string, groups []string) error {
	u := User{Name: name, Groups: slices.Compact(slices.Sorted(slices.Values(groups)))}
	if err := u.check(); err != nil {
		return err
	}
	return s.change(func(list []*User) ([]*User, error) {
		i := find(list, name)
		if i < 0 {
			return nil, ErrUnknown
		}
		list[i].Groups = u.Groups
		return list, nil
	})
}

func text(h hash) string { return h.String() }

func find(list []*User, name string) int {
	return slices.IndexFunc(list, func(u *User) bool { return u.Name == name })
}

// change replaces the users in the file by what fn makes of them. Other processes wait.
func (s *Store) change(fn func([]*User) ([]*User, error)) error {
	dir, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return fmt.Errorf("local users: %w", err)
	}
	defer dir.Close()
	for {
		err := unix.Flock(int(dir.Fd()), unix.LOCK_EX)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("local users: lock %s: %w", dir.Name(), err)
		}
	}
	list, err := read(s.path)
	if err != nil {
		return err
	}
	if list, err = fn(list); err != nil {
		return err
	}
	return write(s.path, list)
}
