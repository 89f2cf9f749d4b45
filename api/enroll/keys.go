package enroll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/bus/credentials"
	"github.com/daytwo/daytwo/api/cli"
	"github.com/daytwo/daytwo/api/regularfile"
	"github.com/daytwo/daytwo/api/v1"
)

// Keys implements cli.Keys.
type Keys struct{}

// layoutFile has the machines of the cluster, in its directory.
const layoutFile = "machines.json"

const maxLayout = 1 << 20

// Init makes the keys of a cluster.
func (k Keys) Init(dir, cluster string, m cli.Machines) (*cli.MachineFiles, error) {
	for _, host := range slices.Concat(m.Servers, m.Relays) {
		if err := credentials.CheckHost(host); err != nil {
			return nil, err
		}
	}
	if _, err := credentials.Init(dir, cluster); err != nil {
		return nil, err
	}
	return k.Files(dir, m)
}

// Files makes the files of machines.
func (Keys) Files(dir string, m cli.Machines) (*cli.MachineFiles, error) {
	c, err := credentials.Open(dir)
	if err != nil {
		return nil, err
	}
	l, err := readLayout(dir)
	if err != nil {
		return nil, err
	}
	only := slices.Concat(m.Servers, m.Relays)
	if len(only) == 0 {
		only = nil
	}
	before := len(l.Servers)
	for _, add := range []struct {
		to   *[]string
		list []string
	}{{&l.Servers, m.Servers}, {&l.Relays, m.Relays}} {
		for _, host := range add.list {
			if !slices.Contains(*add.to, host) {
				*add.to = append(*add.to, host)
			}
		}
	}
	if len(l.Servers) > before && only != nil {
		only = append(only, l.Servers...) // all of them name one another
	}
	set(&l.ServerDir, m.ServerDir)
	set(&l.StoreDir, m.StoreDir)
	set(&l.Port, m.Port)
	set(&l.RoutePort, m.RoutePort)
	dirs, err := c.Write(l, only)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(l, "", " ")
	if err == nil {
		err = atomicfile.Write(filepath.Join(dir, layoutFile), append(text, '\n'), 0o600)
	}
	made := &cli.MachineFiles{Cluster: c.Name(), URLs: l.URLs()}
	for _, d := range dirs {
		machine := cli.Machine{Host: filepath.Base(d), Dir: d}
		if filepath.Base(filepath.Dir(d)) == "servers" {
			made.Servers = append(made.Servers, machine)
		} else {
			made.Relays = append(made.Relays, machine)
		}
	}
	return made, err
}

// set replaces a value by another that is not zero.
func set[T comparable](to *T, v T) {
	var zero T
	if v != zero {
		*to = v
	}
}

func readLayout(dir string) (l credentials.Layout, err error) {
	path := filepath.Join(dir, layoutFile)
	text, err := regularfile.Read(path, maxLayout)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	if err != nil {
		return l, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// URLs returns the URLs of the NATS servers.
func (Keys) URLs(dir string) ([]string, error) {
	l, err := readLayout(dir)
	return l.URLs(), err
}

// Enroll makes the credential file of a node.
func (Keys) Enroll(dir, agent string, valid time.Duration) ([]byte, error) {
	c, err := credentials.Open(dir)
	if err != nil {
		return nil, err
	}
	return c.Enroll(agent, valid)
}

// Codes makes enrolment codes.
func (Keys) Codes(dir string, n int, agent string, valid time.Duration) (*v1.EnrollCodes, error) {
	c, err := credentials.Open(dir)
	if err != nil {
		return nil, err
	}
	codes, expires, err := c.NewCodes(n, agent, valid)
	return &v1.EnrollCodes{Codes: codes, AgentID: agent, Expires: expires}, err
}

// Nodes returns the credentials of nodes.
func (Keys) Nodes(dir string) (all []v1.EnrolledNode, err error) {
	c, err := credentials.Open(dir)
	if err != nil {
		return nil, err
	}
	list, err := c.Nodes()
	for _, n := range list {
		all = append(all, v1.EnrolledNode{AgentID: n.Agent, Key: n.Key, Issued: n.Issued, Expires: n.Expires,
			Revoked: n.Revoked})
	}
	return all, err
}

const connectTime = 10 * time.Second

// Revoke revokes the credentials of a node.
func (Keys) Revoke(ctx context.Context, dir, agent string, urls []string) (*v1.NodeRevoked, error) {
	c, err := credentials.Open(dir)
	if err != nil {
		return nil, err
	}
	n, err := c.Revoke(agent)
	if err != nil {
		return nil, err
	}
	conn, err := bus.Connect(bus.ConnectOptions{
		URLs: strings.Join(urls, ","), Name: "daytwo administration", Log: slog.New(slog.DiscardHandler),
		Credentials: filepath.Join(dir, credentials.SystemCreds), CA: filepath.Join(dir, credentials.CAFile),
	})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	for !conn.IsConnected() {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("it is revoked, but no NATS server knows it: none of %s can be reached: %w; run it again",
				strings.Join(urls, ", "), errors.Join(ctx.Err(), conn.LastError()))
		case <-time.After(10 * time.Millisecond):
		}
	}
	servers, err := c.Push(conn, connectTime)
	if err != nil {
		return nil, fmt.Errorf("it is revoked, but not all NATS servers know it: %w; run it again", err)
	}
	return &v1.NodeRevoked{AgentID: agent, Revoked: n, Servers: servers}, nil
}
