package statsd

import (
	"fmt"
	"os"
)

// The ports for containers, unless others are given.
const (
	firstPort = 20000
	lastPort  = 29999
)

// ports are those for containers: as given, or, where the kernel gives the usual
// ones to clients (net.ipv4.ip_local_port_range), some that it does not.
func (o *Options) ports() (first, last uint16) {
	if o.First != 0 || o.Last != 0 {
		return o.First, o.Last
	}
	var low, high int
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(b), &low, &high)
	}
	if err != nil {
		return firstPort, lastPort
	}
	return freePorts(low, high)
}

// Ports are those that a server of these options gives to containers.
func Ports(first, last uint16) (uint16, uint16) {
	o := Options{First: first, Last: last}
	return o.ports()
}

func freePorts(low, high int) (first, last uint16) {
	const least = 1000 // worth having
	switch {
	case high < firstPort || low > lastPort:
	case low-least > firstPort:
		return firstPort, uint16(low - 1)
	case high+least <= 65535:
		return uint16(high + 1), uint16(min(high+1+lastPort-firstPort, 65535))
	case low-least >= 1024:
		return uint16(max(low-1-(lastPort-firstPort), 1024)), uint16(low - 1)
	}
	return firstPort, lastPort // which will be refused, with what to do
}
