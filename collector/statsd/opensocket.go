package statsd

import (
	"fmt"
	"net"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/collector/bounded"
)

// socketWait is the longest wait for the filesystem on which a unix socket is made.
const socketWait = 5 * time.Second

// socketSource returns the source of the calls that open unix sockets. Each of them
// resolves a path, so it may never return. calls may be nil.
func socketSource(calls *bounded.Set) *bounded.Source {
	if calls == nil {
		calls = bounded.NewSet(nil)
	}
	return calls.Source("unix_sockets", 2, nil)
}

// responds returns an error if the filesystem on which a unix socket is to be made does not
// respond within socketWait. It asks the filesystem before the socket is made there,
// because a call that makes one cannot be abandoned halfway.
func responds(source *bounded.Source, path string) error {
	_, err := bounded.Do(source, path, socketWait, func() (struct{}, error) {
		var st unix.Stat_t
		var fs unix.Statfs_t
		_ = unix.Lstat(path, &st)                // what is wrong with the path shows when it is used
		_ = unix.Statfs(filepath.Dir(path), &fs) // not answered from a cache
		return struct{}{}, nil
	})
	if err != nil {
		return fmt.Errorf("%s: its filesystem does not respond; check the mount and the server behind it", path)
	}
	return nil
}

// ListenLaunch opens the socket of the launch API. It returns an error if the filesystem
// of the path does not respond. calls may be nil.
func ListenLaunch(calls *bounded.Set, path string) (net.Listener, error) {
	return listenLaunch(socketSource(calls), path)
}

func listenLaunch(source *bounded.Source, path string) (net.Listener, error) {
	if err := responds(source, path); err != nil {
		return nil, fmt.Errorf("launch API: %w; give --socket another path", err)
	}
	return launch.Listen(path)
}
