package host

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// Status describes a source that could not be read, or could be read only in part.
type Status struct {
	Source  string // path of the file or filesystem, or the kind of a table
	Reason  string // why it could not be read, and what to do about it
	Missing bool   // this kernel or its configuration does not have the source, which is not a fault
}

// Status lists the sources that the last Read could not read. It is empty if all could
// be read.
func (r *Reader) Status() []Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Status
	for _, f := range r.files() {
		if f.errno != 0 {
			all = append(all, Status{f.name(), explain(f.errno), f.errno == unix.ENOENT || f.errno == unix.EOPNOTSUPP})
		}
	}
	for _, t := range []*table{r.stat.cpus, r.disks.t, r.ifaces.t, r.fs.t} {
		if t.full {
			all = append(all, Status{Source: t.t.Kind.String(), Reason: fmt.Sprintf("only the first %d are read", maxRows)})
		}
	}
	now := time.Now()
	all = append(all, r.ifaces.status(now)...)
	return append(all, r.fs.status(now)...)
}

// files returns all files that are held open.
func (r *Reader) files() []*file {
	all := []*file{
		r.load, r.uptime, r.fileNr, r.stat.file, r.stat.softnet, r.stat.sched,
		r.disks.file, r.ifaces.file, r.fs.file,
	}
	for _, k := range r.keyed {
		all = append(all, k.file)
	}
	for _, p := range r.proto {
		all = append(all, p.file)
	}
	for _, s := range r.sock {
		all = append(all, s.file)
	}
	for _, p := range r.psi {
		all = append(all, p.file)
	}
	for i := range r.single {
		all = append(all, r.single[i].file)
	}
	return all
}

// explain returns a text for an error, and what to do about it where that is known.
func explain(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "this kernel has no such file"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied: run as root, or grant CAP_SYS_PTRACE"
	case errors.Is(err, unix.EOPNOTSUPP):
		return "switched off in this kernel (pressure needs psi=1 on its command line)"
	}
	return err.Error()
}
