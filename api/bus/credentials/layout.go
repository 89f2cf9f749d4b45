package credentials

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/atomicfile"
)

// Layout is for which machines files are made, and how the NATS servers are set up.
type Layout struct {
	Servers []string // hosts of all NATS servers, by which clients and servers reach them
	Relays  []string // hosts of relays, for their certificates

	ServerDir string // where the files lie on a server's machine; default /etc/nats
	StoreDir  string // see ServerOptions
	Port      int
	RoutePort int
}

// Names of the files for one machine.
const (
	confFile  = "nats.conf"
	certFile  = "tls.crt"
	keyFile   = "tls.key"
	RelayFile = "relay.creds"
)

var hostName = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z.:-]{0,251}[0-9A-Za-z])?$`)

// CheckHost returns an error for what is neither a DNS name nor an IP address.
func CheckHost(host string) error {
	if net.ParseIP(host) == nil && (!hostName.MatchString(host) || strings.Contains(host, ":")) {
		return fmt.Errorf("%q is neither a host name nor an IP address", host)
	}
	return nil
}

// URLs returns the URLs of the NATS servers.
func (l *Layout) URLs() (urls []string) {
	port := l.Port
	if port == 0 {
		port = defaultPort
	}
	for _, host := range l.Servers {
		urls = append(urls, "tls://"+net.JoinHostPort(host, fmt.Sprint(port)))
	}
	return urls
}

// Write makes the files of machines, in place of those that are there: a directory for each
// in servers/ and relays/ of the cluster's. Only only is written, if it is not nil.
func (c *Cluster) Write(l Layout, only []string) (dirs []string, err error) {
	if l.ServerDir == "" {
		l.ServerDir = "/etc/nats"
	}
	for _, host := range slices.Concat(l.Servers, l.Relays) {
		if err := CheckHost(host); err != nil {
			return nil, err
		}
	}
	err = c.change(func() error {
		for _, host := range l.Servers {
			if only != nil && !slices.Contains(only, host) {
				continue
			}
			dir := c.path(filepath.Join("servers", host))
			if err := c.writeServer(dir, host, l); err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
			dirs = append(dirs, dir)
		}
		for _, host := range l.Relays {
			if only != nil && !slices.Contains(only, host) {
				continue
			}
			dir := c.path(filepath.Join("relays", host))
			if err := c.writeRelay(dir, host); err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
			dirs = append(dirs, dir)
		}
		return nil
	})
	return dirs, err
}

// writeTLS writes a certificate for a host, its key, and the authority.
func (c *Cluster) writeTLS(dir string, names []string, client bool) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	cert, key, err := c.Certificate(names, client)
	if err != nil {
		return err
	}
	ca, err := c.CA()
	if err != nil {
		return err
	}
	return errors.Join(writeSecret(filepath.Join(dir, keyFile), key),
		atomicfile.Write(filepath.Join(dir, certFile), cert, 0o644),
		atomicfile.Write(filepath.Join(dir, CAFile), ca, 0o644))
}

func (c *Cluster) writeServer(dir, host string, l Layout) error {
	if err := c.writeTLS(dir, []string{host}, true); err != nil {
		return err
	}
	o := ServerOptions{
		Name: host, Host: host, Port: l.Port, RoutePort: l.RoutePort, StoreDir: l.StoreDir,
		Certificate: filepath.Join(l.ServerDir, certFile), Key: filepath.Join(l.ServerDir, keyFile),
		CA: filepath.Join(l.ServerDir, CAFile),
	}
	for _, other := range l.Servers {
		if other != host {
			o.Routes = append(o.Routes, other)
		}
	}
	text, err := c.ServerConfig(o)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, confFile), []byte(text), 0o644)
}

func (c *Cluster) writeRelay(dir, host string) error {
	if err := c.writeTLS(dir, []string{host}, false); err != nil {
		return err
	}
	creds, err := c.Relay(host)
	if err != nil {
		return err
	}
	return writeSecret(filepath.Join(dir, RelayFile), creds)
}
