package plaintext

import (
	"net"

	"github.com/daytwo/daytwo/api/setting"
)

const noLoopback = "not a loopback address"

// Listen returns what others on the network can do with a listener of the HTTP API, which always
// requires authentication.
func Listen(address string, tls bool) []Exposure {
	host, port, err := net.SplitHostPort(address)
	if tls || err != nil || setting.IsLoopback(host) {
		return nil
	}
	return []Exposure{{Setting: "listen", Address: address, Is: noLoopback, Lacks: "TLS",
		Harm: "whoever is on the way reads tokens and logs",
		Fix: "give --tls-cert and --tls-key, or listen on 127.0.0.1:" + port + ", to which a proxy with TLS on this " +
			"machine may lead"}}
}

// NATSListener returns what others on the network can do with a NATS server in this process.
func NATSListener(address string, tls, users bool) (all []Exposure) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || setting.IsLoopback(host) {
		return nil
	}
	e := Exposure{Setting: "nats-listen", Address: address, Is: noLoopback}
	if !tls {
		e.Lacks, e.Harm = "TLS", "whoever is on the way reads all metrics and logs, and changes them"
		e.Fix = "give it a certificate, or listen on 127.0.0.1:" + port
		all = append(all, e)
	}
	if !users {
		e.Lacks, e.Harm = "authentication", "everybody reads all metrics and logs, and changes them"
		e.Fix = "let in only users with a credential, or listen on 127.0.0.1:" + port
		all = append(all, e)
	}
	return all
}
