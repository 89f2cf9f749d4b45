package archive

import (
	"archive/tar"
	"errors"
	"fmt"

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
	write := func() error { return p.w.header(h) }
	if all != nil {
		write = func() error { return p.w.sparse(h, all) }
	} else {
		all = []fragment{{0, st.Size}}
	}
	name := h.Name
	if err := write(); err != nil {
		return p.unfit(h, err)
	}
	return p.body(fd, name, all)
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
	p.sum.Files++
	p.sum.Bytes += int64(n)
	p.progress(State{Name: h.Name})
	return p.w.pad(int64(n))
}

// body packs the data of a file. One that has become shorter is filled up with zeros: the archive
// goes on, and the loss is said.
func (p *packer) body(fd int, name string, all []fragment) error {
	state := State{Name: name}
	for _, f := range all {
		state.Size += f.size
	}
	short := false
	for _, f := range all {
		for at, end := f.offset, f.offset+f.size; at < end; {
			b := p.buf[:min(int64(len(p.buf)), end-at)]
			n := len(b)
			if !short {
				var err error
				if n, err = p.read(fd, b, at); err != nil {
					p.problem(name, fmt.Errorf("its last %d bytes are missing: %w", state.Size-state.Done, err))
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
			state.Done += int64(n)
			p.sum.Bytes += int64(n)
			p.progress(state)
		}
	}
	p.sum.Files++
	return p.w.pad(state.Size)
}

// read reads from a file that is expected to have more.
func (p *packer) read(fd int, b []byte, at int64) (int, error) {
	for {
		n, err := unix.Pread(fd, b, at)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, errors.New("it became shorter while it was copied")
		default:
			return n, nil
		}
	}
}
