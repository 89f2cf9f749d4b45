package archive

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Source is a tree to pack.
type Source struct {
	open func(path string, flags int) (int, error)
	path string
	dir  int // of what is packed as it is, also if that is a symbolic link
	name string
}

// Opener opens a path that a person has named.
type Opener func(path string, flags int) (int, error)

// Open is the Opener for people's own files.
func Open(path string, flags int) (int, error) {
	for {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// OpenInside is the Opener for a container's files: it follows symbolic links, but none of those
// of /proc that lead to another root directory.
func OpenInside(path string, flags int) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_NO_MAGICLINKS}
	for {
		fd, err := unix.Openat2(unix.AT_FDCWD, path, &how)
		switch err {
		case unix.EINTR, unix.EAGAIN:
		case unix.ENOSYS, unix.EPERM: // an old kernel, or a seccomp filter of the container
			return openPlain(path, flags)
		default:
			return fd, err
		}
	}
}

// openPlain opens an absolute path that has no symbolic links in it.
func openPlain(name string, flags int) (int, error) {
	fd, err := Open("/", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	parts, err := split(strings.TrimPrefix(path.Clean(name), "/"))
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	if len(parts) == 0 {
		parts = []string{"."}
	}
	for i, part := range parts {
		f := unix.O_PATH | unix.O_DIRECTORY
		if i == len(parts)-1 {
			f = flags
		}
		next, err := unix.Openat(fd, part, f|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		unix.Close(fd)
		if err != nil {
			return -1, err
		}
		fd = next
	}
	return fd, nil
}

// NewSource returns the tree at a path.
func NewSource(name string, open Opener) (Source, error) {
	s := Source{open: open, path: name, name: path.Base(name)}
	if s.name == "/" || s.name == "." || s.name == ".." {
		s.name = "."
		var err error
		s.dir, err = open(name, unix.O_PATH|unix.O_DIRECTORY)
		return s, err
	}
	var err error
	s.dir, err = open(path.Dir(strings.TrimRight(name, "/")), unix.O_PATH|unix.O_DIRECTORY)
	return s, err
}

// follow opens what the path leads to.
func (s *Source) follow() (fd int, st *unix.Stat_t, err error) {
	unix.Close(s.dir)
	st = new(unix.Stat_t)
	at, err := s.open(s.path, unix.O_PATH)
	if err != nil {
		return -1, nil, err
	}
	defer unix.Close(at)
	if err := unix.Fstat(at, st); err != nil {
		return -1, nil, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		fd, err = unix.Openat(at, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	case unix.S_IFREG: // regular compares it with st
		fd, err = s.open(s.path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	default:
		if err = special(st); err == nil {
			err = errors.New("it is neither a file nor a directory")
		}
	}
	return fd, st, err
}

// kernelFiles returns an error for a directory of a file system that the kernel makes up.
func kernelFiles(fd int) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return nil
	}
	switch int64(st.Type) {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC,
		unix.DEVPTS_SUPER_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC,
		unix.BPF_FS_MAGIC, unix.BINFMTFS_MAGIC, unix.SELINUX_MAGIC, 0x19800202: // the last one is mqueue
		return errors.New("it has files of the kernel, and is skipped: name it by itself")
	}
	return nil
}
