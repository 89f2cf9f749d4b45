package launch

import (
	"fmt"
	"net"

	"github.com/daytwo/daytwo/api/unixsocket"
)

// SocketName is the socket's name in the data directory.
const SocketName = "daytwo.sock"

// Listen creates the socket with mode 0600, and listens on it. It replaces a socket on
// which no process listens any more, but neither one that is in use nor another file.
func Listen(path string) (net.Listener, error) {
	l, err := unixsocket.Listen(path, 0o600)
	if err != nil {
		return nil, fmt.Errorf("launch API: %w (--socket)", err)
	}
	return l, nil
}
