package collector

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/health"
)

// checkData reports whether the data directory can be written, and how much space
// is free there. If it does not exist, its closest existing parent is checked.
func checkData(dir string) health.Check {
	c := health.Check{Name: "data directory", State: health.OK, Detail: dir}
	at := dir
	for at != "/" && at != "." {
		if _, err := os.Stat(at); err == nil {
			break
		}
		at = filepath.Dir(at)
	}
	if err := tryWriting(at); err != nil {
		c.State, c.Detail, c.Fix = health.Fail, err.Error(), "give --data a directory on a disk with room that can be written"
		return c
	}
	var st unix.Statfs_t
	if unix.Statfs(at, &st) == nil {
		free := st.Bavail * uint64(st.Bsize)
		c.Detail += fmt.Sprintf(", %.1f GiB free", float64(free)/(1<<30))
		if free < 1<<30 {
			c.State = health.Warn
			c.Fix = "make room: history and spool grow up to their bounds (--retention-size, --spool-size)"
		}
	}
	return c
}

// tryWriting writes a block to an unnamed file in dir (O_TMPFILE of open(2)), which
// disappears when it is closed. Where the filesystem does not support unnamed files,
// it creates a named one and removes it.
func tryWriting(dir string) error {
	f, err := os.OpenFile(dir, unix.O_TMPFILE|os.O_RDWR, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) {
		if f, err = os.CreateTemp(dir, ".daytwo-doctor-"); err == nil {
			defer os.Remove(f.Name())
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Close())
}
