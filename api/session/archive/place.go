package archive

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Errors of a destination, as 'docker cp' has them.
var (
	ErrNotDirectory  = errors.New("the destination is no directory")
	ErrNoDirectory   = errors.New("the destination directory does not exist")
	ErrOverFile      = errors.New("a directory cannot take the place of a file")
	errName          = errors.New("the name in the archive is not that of one file")
	ErrOverDirectory = errors.New("a file cannot take the place of a directory")
)

// Place is where an archive goes, and by which name.
type Place struct {
	dir int    // everything is written below it
	top string // the part that each name begins with; "" for any
	as  string // the part to begin with instead; "" for none

	noDirectory bool // a file has to be replaced, which a directory cannot
	noFile      bool // the destination names a directory
}

// Close gives the directory back.
func (p *Place) Close() { unix.Close(p.dir) }

// NewPlace finds the place for a tree of a name, or for the contents of a directory if the name is
// "". It goes by the rules of 'docker cp': into an existing directory, otherwise by the name that
// the destination has, in a directory that exists.
func NewPlace(dest, name string, open Opener) (*Place, error) {
	if parts, err := split(name); name != "" && (err != nil || len(parts) != 1 || parts[0] != name) {
		return nil, errName
	}
	p := &Place{top: name, as: name}
	directory := strings.HasSuffix(dest, "/") || strings.HasSuffix(dest, "/.")
	at, err := open(dest, unix.O_PATH)
	if err == nil {
		defer unix.Close(at)
		var st unix.Stat_t
		if err := unix.Fstat(at, &st); err != nil {
			return nil, err
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			p.dir, err = openDir(at, ".")
			return p, err
		}
		p.noDirectory = true
	}
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return nil, ErrNotDirectory
	case err != nil && !errors.Is(err, unix.ENOENT):
		return nil, err
	case err == nil && directory:
		return nil, ErrNotDirectory
	case err == nil && name == "":
		return nil, ErrOverFile
	}
	p.noFile = directory
	dest = path.Clean(dest)
	p.as = path.Base(dest)
	parent, err := open(path.Dir(dest), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDirectory, err)
	}
	defer unix.Close(parent)
	p.dir, err = openDir(parent, ".")
	return p, err
}

// NewStreamPlace returns an existing directory as the place for an archive with any names.
func NewStreamPlace(dest string, open Opener) (*Place, error) {
	fd, err := open(dest, unix.O_PATH|unix.O_DIRECTORY)
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return nil, ErrNotDirectory
	case errors.Is(err, unix.ENOENT):
		return nil, ErrNoDirectory
	case err != nil:
		return nil, err
	}
	defer unix.Close(fd)
	dir, err := openDir(fd, ".")
	return &Place{dir: dir}, err
}

// of returns where an entry goes, below the place's directory.
func (p *Place) of(name string) ([]string, error) {
	parts, err := split(name)
	if err != nil {
		return nil, err
	}
	if p.top != "" {
		if len(parts) == 0 || parts[0] != p.top {
			return nil, errOutside
		}
		parts = parts[1:]
	}
	if p.as != "" {
		parts = append([]string{p.as}, parts...)
	}
	return parts, nil
}

// openDir opens a directory without following a symbolic link. Who may not list it may still use
// it.
func openDir(dir int, name string) (int, error) {
	flags := unix.O_DIRECTORY | noFollow | unix.O_CLOEXEC
	for {
		fd, err := unix.Openat(dir, name, unix.O_RDONLY|flags, 0)
		if err == unix.EACCES {
			fd, err = unix.Openat(dir, name, unix.O_PATH|flags, 0)
		}
		if err != unix.EINTR {
			return fd, err
		}
	}
}
