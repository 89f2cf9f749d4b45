package statsd

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/unixsocket"
	"github.com/daytwo/daytwo/collector/bounded"
)

// socketTypes maps networks to the types of unix sockets.
var socketTypes = map[string]int{"unix": unix.SOCK_STREAM, "unixgram": unix.SOCK_DGRAM}

// Holder is a process that is bound to an address.
type Holder struct {
	PID  int    // 0 if the process is not visible from here
	Name string // from /proc/PID/comm
}

func (h Holder) String() string {
	if h.PID == 0 {
		return "a process that cannot be seen from here"
	}
	return fmt.Sprintf("process %d (%s)", h.PID, h.Name)
}

// HolderOf returns the process that listens on an address in this network namespace. ok
// is false if there is none.
func HolderOf(l Listener) (h Holder, ok bool) {
	inode := ""
	if l.Network == "udp" {
		at, err := netip.ParseAddrPort(l.Address)
		if err != nil {
			return h, false
		}
		for _, file := range []string{"/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"} {
			if b, err := os.ReadFile(file); err == nil && inode == "" {
				inode = boundUDP(b, at)
			}
		}
	} else if !unixsocket.Answers(l.Address, socketTypes[l.Network]) {
		return h, false
	} else if b, err := os.ReadFile("/proc/thread-self/net/unix"); err == nil {
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) == 8 && unixsocket.BoundTo(f[7], l.Address) {
				inode = f[6]
			}
		}
		if inode == "" {
			return h, true
		}
	}
	if inode == "" || inode == "0" {
		return h, inode != ""
	}
	return processOf("socket:[" + inode + "]"), true
}

// boundUDP returns the inode of the socket that prevents binding an address, or "" if
// there is none. See proc_net(5) for the fields local_address and inode.
func boundUDP(file []byte, at netip.AddrPort) string {
	for line := range bytes.Lines(file) {
		f := strings.Fields(string(line))
		if len(f) < 10 {
			continue
		}
		host, port, _ := strings.Cut(f[1], ":")
		n, err := strconv.ParseUint(port, 16, 16)
		addr, ok := procAddr(host)
		if err != nil || !ok || uint16(n) != at.Port() {
			continue
		}
		any := addr.IsUnspecified() || at.Addr().IsUnspecified()
		if addr == at.Addr() || addr.IsUnspecified() && addr.Is6() || any && addr.Is4() == at.Addr().Is4() {
			return f[9]
		}
	}
	return ""
}

// procAddr parses an address of proc_net(5): hexadecimal words in the machine's byte
// order.
func procAddr(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b)%4 != 0 {
		return netip.Addr{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, ok := netip.AddrFromSlice(b)
	return a.Unmap(), ok
}

// descriptors is the source of calls that inspect processes. On some kernels, reading
// the links in /proc/PID/fd blocks while the process hangs in execve(2).
var descriptors = bounded.NewSet(slog.New(slog.DiscardHandler)).Source("process_descriptors", 4, nil)

// descriptorsWait is the longest wait for one process.
const descriptorsWait = 100 * time.Millisecond

// processOf finds a process that has a file open. It skips processes that cannot be
// inspected.
func processOf(target string) (h Holder) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		has, err := bounded.Do(descriptors, dir, descriptorsWait, func() (bool, error) { return hasOpen(dir, target) })
		if err == nil && has {
			h.PID, _ = strconv.Atoi(filepath.Base(dir))
			comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
			h.Name = strings.TrimSpace(string(comm))
			return h
		}
	}
	return h
}

func hasOpen(process, target string) (bool, error) {
	dir, err := os.Open(filepath.Join(process, "fd"))
	if err != nil {
		return false, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	for _, n := range names {
		if at, err := os.Readlink(filepath.Join(dir.Name(), n)); err == nil && at == target {
			return true, nil
		}
	}
	return false, err
}
