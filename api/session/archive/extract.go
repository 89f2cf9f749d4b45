package archive

import (
	"archive/tar"
	"crypto/rand"
	"errors"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// ExtractOptions say how an archive is written.
type ExtractOptions struct {
	// Owner gives each file the numbers of its owner and group in the archive, and set-user-id
	// and set-group-id bits. Without it, files belong to who writes them.
	Owner    bool
	MaxBytes int64 // of contents; 0 for no bound
	Say      func(string)
	Progress func(State)
	// Prepare is called before anything is written, with a function that removes what is not
	// complete: for a process that is about to be ended by a signal.
	Prepare func(abort func())
}

// Extract writes the files of an archive. Each file takes its name when it is complete; what was
// there by that name is replaced, not written into. The returned error is one of the stream, or
// one after which nothing more can be written; what is missing otherwise is in the summary.
func Extract(r io.Reader, place *Place, o ExtractOptions) (Summary, error) {
	x := &extractor{r: newReader(r), o: o, place: place, buf: make([]byte, bufferSize), temp: ".daytwo-" + rand.Text()}
	x.stack = []*directory{{fd: place.dir}}
	if o.Prepare != nil {
		o.Prepare(x.abort)
	}
	err := x.run()
	x.leave(1)
	return x.sum, err
}

type extractor struct {
	r     *reader
	o     ExtractOptions
	place *Place
	sum   Summary
	buf   []byte
	temp  string // name of what is not complete
	stack []*directory
	begun bool

	mu      sync.Mutex
	partial int // directory of the incomplete file plus one; 0 if there is none
	aborted bool
}

// directory is one that is written to.
type directory struct {
	name string
	fd   int
	made *tar.Header // of one that the archive made: it gets its mode and time at the end
}

var errTooMuch = errors.New("the archive has more bytes than are allowed")

func (x *extractor) run() error {
	for {
		e, err := x.r.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		err = x.entry(e)
		var fatal *fatalError
		if errors.As(err, &fatal) || err != nil && hopeless(err) {
			return err
		}
		if err != nil {
			x.sum.problem(x.o.Say, e.Name, err)
			continue
		}
		x.sum.Files++
		x.progress(State{Name: e.Name})
	}
}

func (x *extractor) progress(s State) {
	if x.o.Progress != nil {
		s.Summary = x.sum
		x.o.Progress(s)
	}
}

// fatalError ends the extraction.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

// entry writes one entry.
func (x *extractor) entry(e *entry) error {
	parts, err := x.place.of(e.Name)
	if err != nil {
		return err
	}
	isDir := e.Typeflag == tar.TypeDir
	if !x.begun {
		x.begun = true
		if isDir && x.place.noDirectory {
			return &fatalError{ErrOverFile}
		}
		if !isDir && x.place.noFile {
			return &fatalError{ErrNoDirectory}
		}
	}
	if len(parts) == 0 {
		if !isDir {
			return ErrOverDirectory
		}
		return nil // the destination itself, which is there
	}
	d, err := x.enter(parts[:len(parts)-1])
	if err != nil {
		return err
	}
	name := parts[len(parts)-1]
	switch e.Typeflag {
	case tar.TypeDir:
		return x.directory(d, name, e)
	case tar.TypeReg, tar.TypeCont:
		return x.file(d, name, e)
	case tar.TypeSymlink:
		return x.symlink(d, name, e)
	case tar.TypeLink:
		return x.link(d, name, e)
	case tar.TypeFifo:
		return x.replace(d, name, func(as string) error {
			if err := unix.Mkfifoat(d.fd, as, uint32(e.Mode&0o777)); err != nil {
				return err
			}
			return x.attributesAt(d.fd, as, &e.Header)
		})
	case tar.TypeChar, tar.TypeBlock:
		return errors.New("it is a device, which is not made")
	}
	return errors.New("it is of a kind that is not known, and left out")
}

// enter returns the directory of some parts, and makes those that the archive does not have.
func (x *extractor) enter(parts []string) (*directory, error) {
	same := 0
	for same < len(parts) && same+1 < len(x.stack) && x.stack[same+1].name == parts[same] {
		same++
	}
	x.leave(same + 1)
	for _, part := range parts[same:] {
		up := x.stack[len(x.stack)-1]
		fd, err := openDir(up.fd, part)
		if err == unix.ENOENT {
			if err = unix.Mkdirat(up.fd, part, 0o755); err == nil {
				fd, err = openDir(up.fd, part)
			}
		}
		if err != nil {
			return nil, inside(part, err)
		}
		x.stack = append(x.stack, &directory{name: part, fd: fd})
	}
	return x.stack[len(x.stack)-1], nil
}

// inside says why a directory cannot be written to.
func inside(name string, err error) error {
	if err == unix.ELOOP || err == unix.ENOTDIR {
		return errors.New(Quote(name) + " is no directory; a symbolic link is not followed")
	}
	return err
}

// leave ends all directories beyond a number of them.
func (x *extractor) leave(keep int) {
	for len(x.stack) > keep {
		d := x.stack[len(x.stack)-1]
		x.stack = x.stack[:len(x.stack)-1]
		if d.made != nil {
			if err := x.attributes(d.fd, d.made); err != nil {
				x.sum.problem(x.o.Say, d.made.Name, err)
			}
		}
		unix.Close(d.fd)
	}
}

// directory makes a directory. One that exists stays as it is.
func (x *extractor) directory(d *directory, name string, e *entry) error {
	err := unix.Mkdirat(d.fd, name, 0o700)
	made := err == nil
	if err != nil && err != unix.EEXIST {
		return err
	}
	fd, err := openDir(d.fd, name)
	if err != nil {
		return inside(name, err)
	}
	in := &directory{name: name, fd: fd}
	if made {
		in.made = &e.Header
	}
	x.stack = append(x.stack, in)
	return nil
}
