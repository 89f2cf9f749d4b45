package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/bus"
)

// Up makes the program that runs others in one process, with a NATS server
// between them, until ctx ends; the end of one is the end of all. agentID names
// this machine where the configuration does not.
func Up(agentID func(dataDir string) (string, error), programs ...func(context.Context, Config) error) func(context.Context, Config) error {
	return func(ctx context.Context, c Config) error {
		if c.AgentID == "" {
			id, err := agentID(c.Data)
			if err != nil {
				return err
			}
			c.AgentID = id
		}
		return runUp(ctx, c, programs, os.Stdout)
	}
}

func runUp(ctx context.Context, c Config, programs []func(context.Context, Config) error, out io.Writer) error {
	if c.TokenFile == "" {
		if _, err := auth.EnsureToken(c.Data); err != nil {
			return err
		}
	}
	srv, err := bus.StartServer(bus.ServerOptions{StoreDir: filepath.Join(c.Data, "nats"), Log: c.Log})
	if err != nil {
		return fmt.Errorf("embedded NATS server: %w", err)
	}
	defer srv.Close()
	c.Server = srv

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(programs))
	for _, run := range programs {
		go func() { ended <- run(ctx, c) }()
	}
	go c.whereToLook(ctx, out)
	for range programs {
		err = errors.Join(err, <-ended)
		cancel()
	}
	return err
}

// whereToLook waits until the API answers, then tells the newcomer where.
func (c *Config) whereToLook(ctx context.Context, out io.Writer) {
	base := "http://" + reachable(c.Listen)
	for ready := false; !ready; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
		if err != nil {
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue
		}
		resp.Body.Close()
		ready = resp.StatusCode == http.StatusOK
	}
	path := c.TokenFile
	if path == "" {
		path = filepath.Join(c.Data, auth.TokenFile)
	}
	token, err := auth.Source{File: path}.Find()
	if err != nil {
		c.Log.Error("the token is gone", "err", err)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\ndaytwo is up.\n\n")
	fmt.Fprintf(&b, "  console   %s/#token=%s\n", base, url.QueryEscape(token))
	fmt.Fprintf(&b, "  live      %s top%s\n", os.Args[0], c.clientFlags(base, path))
	fmt.Fprintf(&b, "  API       curl -H \"Authorization: Bearer $(cat %s)\" %s/api/v1/containers\n", path, base)
	if c.Metrics != "" {
		fmt.Fprintf(&b, "  metrics   http://%s/metrics (this node, no token)\n", reachable(c.Metrics))
	}
	fmt.Fprintf(&b, "  health    %s doctor\n\n", os.Args[0])
	io.WriteString(out, b.String())
}

// clientFlags are the flags that client commands on this machine need, "" where
// they find all by themselves.
func (c *Config) clientFlags(base, token string) string {
	flags := ""
	if base != defaultURL {
		flags += " --url " + base
	}
	if c.TokenFile != "" || c.Data != DefaultData() && c.Data != systemData {
		flags += " --token-file " + token
	}
	return flags
}

// reachable is an address to connect to, also where every address is listened
// on.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

// NATSOptions says how a program of this configuration reaches NATS.
func (c *Config) NATSOptions(name string) bus.ConnectOptions {
	return bus.ConnectOptions{
		URLs: strings.Join(c.NATS, ","), Name: name, Credentials: c.NATSCreds,
		CA: c.NATSCA, Cert: c.NATSCert, Key: c.NATSKey, Server: c.Server, Log: c.Log,
	}
}
