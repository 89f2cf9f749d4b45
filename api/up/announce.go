package up

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/cli"
)

// announce waits until all parts are ready, then prints the URLs and commands that a new
// user needs. link says that the token may be in a link: on a terminal, but in no journal.
func announce(ctx context.Context, c *cli.Config, out io.Writer, link bool) {
	if c.Ready.Wait(ctx) != nil {
		return // ctx ended first
	}
	base := "http://" + reachable(c.Listen)
	if c.Access.Certificate != "" {
		base = "https://" + reachable(c.Listen)
	}
	path := c.TokenFile
	if path == "" {
		path = filepath.Join(c.Data, auth.TokenFile)
	}
	token, err := auth.Source{File: path}.Find()
	if err != nil {
		c.Log.Error("the token cannot be read", "err", err)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\ndaytwo is up.\n\n")
	if link {
		fmt.Fprintf(&b, "  console   %s/#token=%s\n", base, url.QueryEscape(token))
	} else {
		fmt.Fprintf(&b, "  console   %s/ (the token is in %s)\n", base, path)
	}
	fmt.Fprintf(&b, "  live      %s top%s\n", os.Args[0], c.ClientFlags(base, path))
	fmt.Fprintf(&b, "  API       curl -H \"Authorization: Bearer $(cat %s)\" %s/api/v1/containers\n", path, base)
	if c.Metrics != "" {
		fmt.Fprintf(&b, "  metrics   http://%s/metrics (this node, no token)\n", reachable(c.Metrics))
	}
	fmt.Fprintf(&b, "  health    %s doctor\n\n", os.Args[0])
	io.WriteString(out, b.String())
}

// reachable returns an address to which a client can connect: the loopback address if the
// program listens on all addresses.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}
