package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// maxDepth bounds how many directories are open at once.
const maxDepth = 256

const bufferSize = 256 << 10

// maxLinks bounds the memory of files with several names. Those beyond are copied once a name.
const maxLinks = 1 << 18

// PackOptions say what is packed.
type PackOptions struct {
	Name   string // of the tree in the archive; "" for only what is in the directory
	Follow bool   // if the tree's path is a symbolic link, pack what it points to
	// Say is told of each problem, up to a number of them.
	Say func(string)
	// Progress is told of what was packed, from time to time.
	Progress func(State)
}

// Pack writes the tree at a path as an archive. Symbolic links are packed as such. The returned
// error is one of the stream, or of the path itself; what is missing otherwise is in the summary.
func Pack(w io.Writer, src Source, o PackOptions) (Summary, error) {
	p := &packer{w: writer{w: w}, o: o, buf: make([]byte, bufferSize), links: map[inode]*link{}}
	err := p.top(src)
	if err == nil {
		err = p.w.end()
	}
	return p.sum, err
}

type packer struct {
	w     writer
	o     PackOptions
	sum   Summary
	buf   []byte
	links map[inode]*link // files with several names, not all of which were met
}

type inode struct{ dev, ino uint64 }

type link struct {
	name string
	left uint64
}

func (p *packer) problem(name string, err error) { p.sum.problem(p.o.Say, name, err) }

// top packs the tree itself.
func (p *packer) top(src Source) error {
	if p.o.Name != "" && !p.o.Follow {
		defer unix.Close(src.dir)
		var st unix.Stat_t
		if err := unix.Fstatat(src.dir, src.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		if kind := special(&st); kind != nil {
			return kind
		}
		return p.one(src.dir, src.name, p.o.Name, &st, 0, st.Dev)
	}
	// What the path leads to, as a file or directory of its own.
	fd, st, err := src.follow()
	if err != nil {
		return err
	}
	name := p.o.Name
	if name == "" {
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			unix.Close(fd)
			return unix.ENOTDIR
		}
		name = "."
	}
	h := header(name, st)
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return p.directory(fd, name, h, st, 0)
	}
	return p.regular(fd, h, st)
}

// one packs a file of any kind.
func (p *packer) one(dir int, name, as string, st *unix.Stat_t, depth int, dev uint64) error {
	h := header(as, st)
	if st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if p.again(st, h) {
			return p.bare(h)
		}
		before := p.sum.Problems
		defer func() {
			if p.sum.Problems != before { // nothing to link to
				delete(p.links, inode{uint64(st.Dev), st.Ino})
			}
		}()
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			p.problem(as, err)
			return nil
		}
		if dev != uint64(st.Dev) {
			if err := kernelFiles(fd); err != nil {
				unix.Close(fd)
				p.problem(as, err)
				return nil
			}
		}
		return p.directory(fd, as, h, st, depth)
	case unix.S_IFREG:
		const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
		fd, err := unix.Openat(dir, name, flags, 0)
		if err != nil {
			p.problem(as, err)
			return nil
		}
		return p.regular(fd, h, st)
	case unix.S_IFLNK:
		n, err := unix.Readlinkat(dir, name, p.buf)
		if err != nil {
			p.problem(as, err)
			return nil
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, string(p.buf[:n])
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	default:
		p.problem(as, special(st))
		return nil
	}
	return p.bare(h)
}

// special returns an error for what is not copied.
func special(st *unix.Stat_t) error {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR, unix.S_IFBLK:
		return errors.New("it is a device, and skipped")
	case unix.S_IFSOCK:
		return errors.New("it is a socket, and skipped")
	}
	return nil
}

// again reports whether a file was packed by another name, and makes the header a link to that.
func (p *packer) again(st *unix.Stat_t, h *tar.Header) bool {
	id := inode{uint64(st.Dev), st.Ino}
	l := p.links[id]
	if l == nil {
		if len(p.links) < maxLinks && special(st) == nil {
			p.links[id] = &link{h.Name, uint64(st.Nlink) - 1}
		}
		return false
	}
	h.Typeflag, h.Linkname = tar.TypeLink, l.name
	if l.left--; l.left == 0 {
		delete(p.links, id)
	}
	return true
}

// bare packs what has no body.
func (p *packer) bare(h *tar.Header) error {
	h.Size = 0
	err := p.w.header(h)
	var unfit *unfitError
	if errors.As(err, &unfit) {
		p.problem(h.Name, err)
		return nil
	}
	p.sum.Files++
	p.progress(State{Name: h.Name})
	return err
}

// directory packs a directory and what is in it, and closes it.
func (p *packer) directory(fd int, as string, h *tar.Header, st *unix.Stat_t, depth int) error {
	f := os.NewFile(uintptr(fd), as)
	defer f.Close()
	h.Typeflag, h.Name = tar.TypeDir, as+"/"
	if err := p.bare(h); err != nil {
		return err
	}
	if depth == maxDepth {
		p.problem(as, fmt.Errorf("it is more than %d directories deep: what is in it is left out", maxDepth))
		return nil
	}
	for {
		names, err := f.Readdirnames(1024)
		for _, name := range names {
			var in unix.Stat_t
			if err := unix.Fstatat(fd, name, &in, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				p.problem(as+"/"+name, err)
				continue
			}
			if err := p.one(fd, name, as+"/"+name, &in, depth+1, uint64(st.Dev)); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			p.problem(as, err)
			return nil
		}
	}
}

func (p *packer) progress(s State) {
	if p.o.Progress != nil {
		s.Summary = p.sum
		p.o.Progress(s)
	}
}

// header returns what all entries have.
func header(name string, st *unix.Stat_t) *tar.Header {
	return &tar.Header{Name: name, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid), Size: st.Size,
		ModTime: time.Unix(st.Mtim.Unix())}
}
