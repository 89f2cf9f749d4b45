package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// regular packs a regular file, and closes it.
func (p *packer) regular(fd int, h *tar.Header, before *unix.Stat_t) error {
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		p.problem(h.Name, err)
		return nil
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Ino != before.Ino || st.Dev != before.Dev {
		p.problem(h.Name, errors.New("it was replaced while it was copied"))
		return nil
	}
	*h = *header(h.Name, &st)
	h.Typeflag = tar.TypeReg
	if st.Size <= bufferSize {
		return p.small(fd, h)
	}
	all := fragments(fd, &st)
	if all == nil {
		if err := p.w.header(h); err != nil {
			return p.unfit(h, err)
		}
		return p.body(fd, h.Name, fragment{0, st.Size}, true, st.Size)
	}
	name := h.Name
	if err := p.w.sparse(h, all); err != nil {
		return p.unfit(h, err)
	}
	sum := int64(0)
	for _, f := range all {
		sum += f.size
	}
	for i, f := range all {
		if err := p.body(fd, name, f, i == len(all)-1, sum); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) unfit(h *tar.Header, err error) error {
	var unfit *unfitError
	if errors.As(err, &unfit) {
		p.problem(h.Name, err)
		return nil
	}
	return err
}

// small packs a file that is read in whole before its size is said, as files of /proc and /sys
// have another one than the kernel says.
func (p *packer) small(fd int, h *tar.Header) error {
	n := 0
	for n < len(p.buf) {
		m, err := unix.Pread(fd, p.buf[n:], int64(n))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			p.problem(h.Name, err)
			return nil
		}
		if m == 0 {
			break
		}
		n += m
	}
	h.Size = int64(n)
	if err := p.w.header(h); err != nil {
		return p.unfit(h, err)
	}
	if _, err := p.w.w.Write(p.buf[:n]); err != nil {
		return err
	}
	p.count(h.Name, 1, int64(n))
	return p.w.pad(int64(n))
}

// body packs a part of a file, whose parts have a size in all. A file that has become shorter is
// filled up with zeros: the archive goes on, and the loss is said.
func (p *packer) body(fd int, name string, f fragment, last bool, size int64) error {
	at, end := f.offset, f.offset+f.size
	short := false
	for at < end {
		b := p.buf[:min(int64(len(p.buf)), end-at)]
		n := len(b)
		if !short {
			var err error
			n, err = unix.Pread(fd, b, at)
			if err == unix.EINTR {
				continue
			}
			if err == nil && n == 0 {
				err = fmt.Errorf("it became shorter while it was copied: its last %d bytes are missing: %w", end-at,
					io.ErrUnexpectedEOF)
			}
			if err != nil {
				p.problem(name, err)
				short = true
			}
		}
		if short {
			clear(b)
			n = len(b)
		}
		if _, err := p.w.w.Write(b[:n]); err != nil {
			return err
		}
		at += int64(n)
		p.count(name, 0, int64(n))
	}
	if !last {
		return nil
	}
	p.count(name, 1, 0)
	return p.w.pad(size)
}
