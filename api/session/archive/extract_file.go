package archive

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// file writes a regular file.
func (x *extractor) file(d *directory, name string, e *entry) error {
	if x.o.MaxBytes > 0 && x.sum.Bytes+x.r.rest > x.o.MaxBytes {
		return &fatalError{errTooMuch}
	}
	if err := notDirectory(d.fd, name); err != nil {
		return err
	}
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd := -1
	err := x.begin(d.fd, func() (err error) {
		fd, err = unix.Openat(d.fd, x.temp, flags, 0o600)
		return err
	})
	if err != nil {
		x.finished()
		if err == unix.EACCES || err == unix.EPERM || err == unix.EROFS {
			return x.overwrite(d, name, e, err)
		}
		return err
	}
	err = x.contents(fd, e)
	if err == nil {
		err = x.attributes(fd, &e.Header)
	}
	if e := unix.Close(fd); err == nil {
		err = e
	}
	if err == nil {
		err = unix.Renameat(d.fd, x.temp, d.fd, name)
	}
	if err == unix.EBUSY { // a mount point, as /etc/hosts is in a container of docker
		err = x.overwriteMount(d, name, e)
	}
	x.abandon(d.fd, err)
	return err
}

// contents writes the body of an entry to a file.
func (x *extractor) contents(fd int, e *entry) error {
	state := State{Name: e.Name, Size: x.r.rest}
	if e.data == nil {
		return x.write(fd, &state, fragment{0, e.Size})
	}
	for _, f := range e.data {
		if err := x.write(fd, &state, f); err != nil {
			return err
		}
	}
	return unix.Ftruncate(fd, e.size)
}

// write writes a part of a file. An error of the stream ends the extraction.
func (x *extractor) write(fd int, state *State, f fragment) error {
	for at, end := f.offset, f.offset+f.size; at < end; {
		n, err := x.r.Read(x.buf[:min(int64(len(x.buf)), end-at)])
		if err != nil {
			if err == io.EOF {
				err = ErrCut
			}
			return &fatalError{err}
		}
		for b := x.buf[:n]; len(b) > 0; {
			m, err := unix.Pwrite(fd, b, at)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return err
			}
			b, at = b[m:], at+int64(m)
			x.sum.Bytes += int64(m)
		}
		state.Done += int64(n)
		x.progress(*state)
	}
	return nil
}

// overwrite writes into a file that exists, in a directory in which none can be made.
func (x *extractor) overwrite(d *directory, name string, e *entry, why error) error {
	fd, err := openExisting(d.fd, name)
	if err != nil {
		if err == unix.ETXTBSY {
			return err
		}
		return why
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, 0); err != nil {
		return err
	}
	return x.contents(fd, e)
}

// overwriteMount writes the complete file into one that cannot be replaced.
func (x *extractor) overwriteMount(d *directory, name string, e *entry) error {
	from, err := unix.Openat(d.fd, x.temp, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	to, err := openExisting(d.fd, name)
	if err != nil {
		return err
	}
	defer unix.Close(to)
	if err := unix.Ftruncate(to, 0); err != nil {
		return err
	}
	for at := int64(0); at < e.size; {
		n, err := unix.Pread(from, x.buf, at)
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err == nil {
			n, err = unix.Pwrite(to, x.buf[:n], at)
		}
		if err != nil && err != unix.EINTR {
			return err
		}
		at += int64(max(n, 0))
	}
	if err := unix.Unlinkat(d.fd, x.temp, 0); err != nil {
		return err
	}
	return x.attributes(to, &e.Header)
}

// openExisting opens a regular file for writing.
func openExisting(dir int, name string) (int, error) {
	const flags = unix.O_WRONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return -1, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG { // opening a device may do something
		return -1, unix.EINVAL
	}
	fd, err := unix.Openat(dir, name, flags, 0)
	if err != nil {
		return -1, err
	}
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = unix.EINVAL
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// notDirectory returns an error if a name is that of a directory, which nothing else replaces.
func notDirectory(dir int, name string) error {
	var st unix.Stat_t
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return ErrOverDirectory
	}
	return nil
}

var errAborted = errors.New("the copy was ended")

// begin creates an incomplete file in a directory, unless abort was called.
func (x *extractor) begin(dir int, create func() error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.aborted {
		return &fatalError{errAborted}
	}
	x.partial = dir + 1
	return create()
}

func (x *extractor) finished() {
	x.mu.Lock()
	x.partial = 0
	x.mu.Unlock()
}

// abandon removes an incomplete file, if there was an error.
func (x *extractor) abandon(dir int, err error) {
	if err != nil {
		_ = unix.Unlinkat(dir, x.temp, 0)
	}
	x.finished()
}

// abort removes what is incomplete, and lets nothing else begin.
func (x *extractor) abort() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.partial != 0 {
		_ = unix.Unlinkat(x.partial-1, x.temp, 0)
	}
	x.aborted = true
}
