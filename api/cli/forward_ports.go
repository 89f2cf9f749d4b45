package cli

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// forwardedPort is a port of a container, and the one here that leads to it.
type forwardedPort struct{ local, remote uint16 } // local 0 = any

// maxForwarded is how many ports one command forwards.
const maxForwarded = 64

// parsePorts parses [LOCAL:]PORT.
func parsePorts(args []string) (all []forwardedPort, err error) {
	if len(args) > maxForwarded {
		return nil, fmt.Errorf("at most %d ports can be forwarded at once", maxForwarded)
	}
	for _, arg := range args {
		local, remote, two := strings.Cut(arg, ":")
		if !two {
			local, remote = arg, arg
		}
		var p forwardedPort
		if p.remote, err = parsePort(remote); err == nil && p.remote == 0 {
			err = strconv.ErrRange
		}
		if err == nil && local != "" {
			p.local, err = parsePort(local)
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no port: give a number from 1 to 65535, or LOCAL:PORT", arg)
		}
		all = append(all, p)
	}
	return all, nil
}

func parsePort(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err
}

// remotePorts are the arguments of the tool that connects: each port once.
func remotePorts(ports []forwardedPort) (args []string) {
	seen := map[uint16]bool{}
	for _, p := range ports {
		if !seen[p.remote] {
			args = append(args, strconv.Itoa(int(p.remote)))
		}
		seen[p.remote] = true
	}
	return args
}

// forwardListener is a listener here, and the port of the container to which it leads.
type forwardListener struct {
	*net.TCPListener
	remote uint16
}

// localhost is the address that stands for both loopback addresses, of which one may be missing.
const localhost = "localhost"

// listenForwarded opens the listeners of all ports on all addresses, or none.
func listenForwarded(addresses []string, ports []forwardedPort) (all []forwardListener, err error) {
	defer func() {
		if err != nil {
			closeForwarded(all)
			all = nil
		}
	}()
	for _, p := range ports {
		for _, address := range addresses {
			hosts := []string{address}
			if address == localhost {
				hosts = []string{"127.0.0.1", "::1"}
			} else if net.ParseIP(address) == nil {
				return all, fmt.Errorf("--address %s: give an IP address of this machine, or localhost", address)
			}
			port := p.local
			var first error
			some := false
			for _, host := range hosts {
				l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
				if err != nil {
					if first == nil {
						first = err
					}
					continue
				}
				t := l.(*net.TCPListener)
				all, some = append(all, forwardListener{t, p.remote}), true
				port = uint16(t.Addr().(*net.TCPAddr).Port) // the same on both addresses
			}
			if !some {
				return all, fmt.Errorf("%w: choose another port here (LOCAL:PORT, or :PORT for any)", first)
			}
		}
	}
	return all, nil
}

func closeForwarded(all []forwardListener) {
	for _, l := range all {
		_ = l.Close()
	}
}
