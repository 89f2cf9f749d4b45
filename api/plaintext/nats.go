package plaintext

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/daytwo/daytwo/api/setting"
)

// Client is how a program connects to NATS.
type Client struct {
	URLs          string // comma-separated
	TLS           bool   // whatever the URLs say: there are certificates to trust or to show
	Authenticated bool   // whatever the URLs say: there is a credential, a password or a certificate
}

// Exposures returns what others on the network can do with the connection. It returns an error
// for what is no URL, in which there is no password.
func (c Client) Exposures() (all []Exposure, err error) {
	urls, err := ParseURLs(c.URLs)
	if err != nil {
		return nil, err
	}
	for _, u := range urls {
		if setting.IsLoopback(u.Hostname()) {
			continue
		}
		port := u.Port()
		if port == "" {
			port = "4222"
		}
		e := Exposure{Setting: "nats", Address: net.JoinHostPort(u.Hostname(), port), Is: "not on this machine"}
		if !c.TLS && u.Scheme != "tls" && u.Scheme != "wss" {
			e.Lacks = "TLS"
			e.Harm = "whoever is on the way reads all metrics and logs, and changes them"
			e.Fix = "write tls://" + e.Address + ", and give --nats-ca unless the system trusts the server's certificate " +
				"('daytwo cluster init' makes certificates)"
			all = append(all, e)
		}
		if !c.Authenticated && u.User == nil {
			e.Lacks = "authentication"
			e.Harm = "everybody who reaches the server reads the logs of all nodes, and sends metrics in their name"
			e.Fix = "give --nats-creds ('daytwo cluster init' makes credentials)"
			all = append(all, e)
		}
	}
	return all, nil
}

// ParseURLs parses URLs of NATS servers, separated by commas, as the NATS client does. Its error
// repeats no password.
func ParseURLs(urls string) (all []*url.URL, err error) {
	for s := range strings.SplitSeq(urls, ",") {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if !strings.Contains(s, "://") {
			s = "nats://" + s
		}
		u, err := url.Parse(s)
		switch {
		case err == nil && u.Host != "" && !strings.Contains(u.Host, "@"):
		case strings.Contains(urls, "@"): // there may be a password in any part
			return nil, errors.New("nats: one of the servers is not a URL such as tls://USER:PASSWORD@HOST:4222; " +
				"write a comma, a slash or an @ of a password as %2C, %2F, %40")
		default:
			return nil, fmt.Errorf("nats: %q is not a URL such as tls://HOST:4222", s)
		}
		all = append(all, u)
	}
	return all, nil
}

// Redacted returns URLs of NATS servers without users and passwords, for logs and errors.
func Redacted(urls string) string {
	all, err := ParseURLs(urls)
	if err != nil {
		return "(not URLs)"
	}
	var hosts []string
	for _, u := range all {
		hosts = append(hosts, u.Scheme+"://"+u.Host)
	}
	return strings.Join(hosts, ",")
}
