package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/unixsocket"
)

// Doctor reports whether the launch API's socket can be created at path; "" means that
// none is configured. running is the PID of the process that listens there already, which
// is a collector of this configuration; 0 if none does.
func Doctor(path string) (running int, c health.Check) {
	c = health.Check{Name: "launch socket", State: health.OK, Detail: "not in use"}
	if path == "" {
		return 0, c
	}
	c.Detail = path + " is free"
	info, _ := os.Lstat(path)
	err := unixsocket.CheckPath(path)
	if err == nil {
		cred, peerErr := unixsocket.Peer(path)
		if peerErr == nil {
			c.Detail = fmt.Sprintf("%s: a collector runs, process %d", path, cred.Pid)
			return int(cred.Pid), c
		}
		err = peerErr
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, syscall.ECONNREFUSED) && info != nil && info.Mode().Type() == fs.ModeSocket:
		c.Detail += ", left by a collector that has ended"
	default:
		c.State, c.Detail, c.Fix = health.Fail, err.Error(), "remove the file, or give --socket another path"
	}
	return 0, c
}
