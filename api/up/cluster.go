package up

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/bus/credentials"
	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/api/cli"
	"github.com/daytwo/daytwo/api/setting"
)

// Names of what a server for other machines has in the data directory.
const (
	keysDir = "cluster-keys"
	tlsDir  = "nats-tls"
)

// openCluster lets collectors of other machines connect to the server, with credentials of
// the keys of a cluster, which it makes if there are none.
func openCluster(c *cli.Config, o *embedded.Options) error {
	if c.ClusterKeys == "" {
		c.ClusterKeys = filepath.Join(c.Data, keysDir)
	}
	keys, err := credentials.Open(c.ClusterKeys)
	if errors.Is(err, credentials.ErrNoKeys) {
		keys, err = credentials.Init(c.ClusterKeys, c.Cluster)
	}
	if err != nil {
		return fmt.Errorf("cluster keys: %w", err)
	}
	host, port, err := net.SplitHostPort(c.NATSListen)
	if err != nil {
		return err
	}
	if len(c.NATSAdvertise) == 0 {
		c.NATSAdvertise = []string{"tls://" + net.JoinHostPort(host, port)}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			c.NATSAdvertise = []string{"tls://:" + port} // by the name or address of this machine that a node used
		}
	}
	dir := filepath.Join(c.Data, tlsDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	cert, key, err := keys.Certificate(names(host, c.NATSAdvertise), false)
	if err != nil {
		return err
	}
	creds, err := keys.Relay("up")
	if err != nil {
		return err
	}
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	c.NATSCreds = filepath.Join(dir, "relay.creds")
	if err := errors.Join(atomicfile.Write(keyFile, key, 0o600), atomicfile.Write(certFile, cert, 0o644),
		atomicfile.Write(c.NATSCreds, creds, 0o600)); err != nil {
		return err
	}
	api, _, err := net.SplitHostPort(c.Listen)
	if err == nil && c.Access.Certificate == "" && !setting.IsLoopback(api) {
		c.Access.Certificate, c.Access.Key = certFile, keyFile // nodes are enrolled there
	}
	o.Listen = c.NATSListen
	o.Config, err = keys.ServerConfig(credentials.ServerOptions{
		Name: "daytwo", Host: host, StoreDir: o.StoreDir, Certificate: certFile, Key: keyFile,
		CA: filepath.Join(c.ClusterKeys, credentials.CAFile),
	})
	return err
}

// names returns all names and addresses by which others may reach this machine.
func names(listen string, advertised []string) (all []string) {
	seen := map[string]bool{"": true}
	add := func(name string) {
		if ip := net.ParseIP(name); ip != nil && ip.IsUnspecified() || seen[name] || credentials.CheckHost(name) != nil {
			return
		}
		seen[name] = true
		all = append(all, name)
	}
	add(listen)
	for _, text := range advertised {
		if u, err := url.Parse(text); err == nil {
			add(u.Hostname())
		}
	}
	if name, err := os.Hostname(); err == nil {
		add(name)
	}
	add("localhost")
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return append(all, "127.0.0.1")
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() {
			add(n.IP.String())
		}
	}
	return all
}
