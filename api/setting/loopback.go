package setting

import "net"

// IsLoopback reports whether a host, without port, certainly refers to this machine:
// localhost, or a loopback address. Names are not resolved.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
