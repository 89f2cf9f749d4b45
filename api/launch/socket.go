package launch

import (
	"fmt"
	"net"

	"github.com/daytwo/daytwo/api/unixsocket"
)

// SocketName is the socket's name in the data directory.
const SocketName = "daytwo.sock"

// Listen opens the socket, for its owner alone (0600). A socket that nobody
// listens on any more is replaced; one that is in use, or another file, is not.
func Listen(path string) (net.Listener, error) {
	l, err := unixsocket.Listen(path, 0o600)
	if err != nil {
		return nil, fmt.Errorf("launch API: %w (--socket)", err)
	}
	return l, nil
}
