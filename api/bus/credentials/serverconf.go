package credentials

import (
	"fmt"
	"net"
	"strings"

	"github.com/daytwo/daytwo/api/atomicfile"
)

// ServerOptions describe one server of a NATS cluster.
type ServerOptions struct {
	Name   string   // of the server, unique in the cluster
	Host   string   // address that clients and servers connect to, without port
	Routes []string // hosts of the other servers; none for a single server

	Port      int    // for clients; default 4222
	RoutePort int    // for the other servers; default 6222
	StoreDir  string // of JetStream and of the accounts' claims; default /var/lib/nats

	Certificate, Key, CA string // paths of the files on that machine
}

// Ports that NATS itself has by default.
const (
	defaultPort      = 4222
	defaultRoutePort = 6222
)

// ServerConfig returns the configuration of a NATS server for the cluster. It has nothing
// secret.
func (c *Cluster) ServerConfig(o ServerOptions) (string, error) {
	if o.Port == 0 {
		o.Port = defaultPort
	}
	if o.RoutePort == 0 {
		o.RoutePort = defaultRoutePort
	}
	if o.StoreDir == "" {
		o.StoreDir = "/var/lib/nats"
	}
	operator, err := atomicfile.Read(c.path(operatorFile))
	if err != nil {
		return "", err
	}
	system, err := atomicfile.Read(c.path(systemFile))
	if err != nil {
		return "", err
	}
	systemKey, err := c.system.PublicKey()
	if err != nil {
		return "", err
	}
	accountKey, account, err := c.Account()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# NATS server of the daytwo cluster %s, made by 'daytwo cluster init'.", c.name)
	p("server_name: %q", o.Name)
	p("listen: %q", net.JoinHostPort(o.Host, fmt.Sprint(o.Port)))
	p("max_payload: 1MB")
	p("tls { cert_file: %q, key_file: %q, ca_file: %q, min_version: \"1.2\" }", o.Certificate, o.Key, o.CA)
	p("jetstream { store_dir: %q }", o.StoreDir+"/jetstream")
	p("operator: %q", operator)
	p("system_account: %q", systemKey)
	p("# The servers keep the accounts' claims, so that 'daytwo node revoke' can change them.")
	p("resolver { type: full, dir: %q, allow_delete: false, interval: \"2m\" }", o.StoreDir+"/accounts")
	p("resolver_preload {\n  %s: %q\n  %s: %q\n}", systemKey, system, accountKey, account)
	if len(o.Routes) > 0 {
		p("cluster {")
		p("  name: %q", "daytwo-"+c.name)
		p("  listen: %q", net.JoinHostPort(o.Host, fmt.Sprint(o.RoutePort)))
		p("  tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true, min_version: \"1.2\" }",
			o.Certificate, o.Key, o.CA)
		p("  routes: [")
		for _, host := range o.Routes {
			p("    %q", "nats-route://"+net.JoinHostPort(host, fmt.Sprint(o.RoutePort)))
		}
		p("  ]\n}")
	}
	return b.String(), nil
}
