package archive

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// symlink makes a symbolic link. Where it leads to is its own affair: it is not followed.
func (x *extractor) symlink(d *directory, name string, e *entry) error {
	if e.Linkname == "" || len(e.Linkname) >= unix.PathMax || strings.IndexByte(e.Linkname, 0) >= 0 {
		return errors.New("it is a symbolic link to nothing that could exist")
	}
	return x.replace(d, name, func(as string) error {
		if err := unix.Symlinkat(e.Linkname, d.fd, as); err != nil {
			return err
		}
		return x.attributesAt(d.fd, as, &e.Header)
	})
}

// link makes another name of a file below the destination.
func (x *extractor) link(d *directory, name string, e *entry) error {
	parts, err := x.place.of(e.Linkname)
	if err != nil || len(parts) == 0 {
		return errors.New("it is a link to " + Quote(e.Linkname) + ", which is outside: it is not made")
	}
	dir := x.place.dir
	for i, part := range parts[:len(parts)-1] {
		next, err := openDir(dir, part)
		if i > 0 {
			unix.Close(dir)
		}
		if err != nil {
			return inside(part, err)
		}
		dir = next
	}
	if len(parts) > 1 {
		defer unix.Close(dir)
	}
	target := parts[len(parts)-1]
	var st, have unix.Stat_t
	if err := unix.Fstatat(dir, target, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return errors.New("it is a link to " + Quote(e.Linkname) + ", which is missing")
	}
	if err := unix.Fstatat(d.fd, name, &have, unix.AT_SYMLINK_NOFOLLOW); err == nil &&
		have.Ino == st.Ino && have.Dev == st.Dev {
		return nil // it is there; renaming one name to another one of the same file does nothing
	}
	return x.replace(d, name, func(as string) error { return unix.Linkat(dir, target, d.fd, as, 0) })
}

// replace makes something by a name, or by another one which then takes its place.
func (x *extractor) replace(d *directory, name string, create func(as string) error) error {
	err := create(name)
	if err != unix.EEXIST {
		return err
	}
	if err := notDirectory(d.fd, name); err != nil {
		return err
	}
	if err = x.begin(d.fd, func() error { return create(x.temp) }); err == nil {
		err = unix.Renameat(d.fd, x.temp, d.fd, name)
	}
	x.abandon(d.fd, err)
	return err
}
