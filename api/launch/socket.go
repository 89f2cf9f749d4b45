package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// SocketName is the socket's name in the data directory.
const SocketName = "daytwo.sock"

// Listen opens the socket, for its owner alone (0600). A socket that nobody
// listens on any more is replaced; one that is in use, or another file, is not.
func Listen(path string) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("launch socket %s: something else is there: remove it, or use another path", path)
	default:
		conn, err := net.DialTimeout("unix", path, time.Second)
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("launch socket %s: another process listens on it: stop it, or use another path", path)
		}
	}
	// Its mode is right before anybody can reach it.
	temp, err := os.MkdirTemp(filepath.Dir(path), ".l")
	if err != nil {
		return nil, fmt.Errorf("launch socket: %w", err)
	}
	defer os.RemoveAll(temp)
	at := filepath.Join(temp, "s")
	ln, err := net.Listen("unix", at)
	if err != nil {
		return nil, fmt.Errorf("launch socket: %w", err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	if err = os.Chmod(at, 0o600); err == nil {
		err = os.Rename(at, path)
	}
	if err != nil {
		ln.Close()
		return nil, fmt.Errorf("launch socket: %w", err)
	}
	return ln, nil
}
