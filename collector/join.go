package collector

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/daytwo/daytwo/api/join"
	"github.com/daytwo/daytwo/api/setting"
)

// Join is how this machine becomes a node of a cluster at its first start.
type Join struct {
	Relay string // URL of a relay with the cluster's keys; "": it does not
	Code  string // enrolment code
	CA    string // file of authorities to trust for the relay; "" for the system's
}

// join makes this machine a node of a cluster, unless it is one, and waits for the relay.
func (c *Config) join(ctx context.Context) error {
	if c.Join.Relay == "" || c.NoPublish {
		return nil
	}
	o := join.Options{Relay: c.Join.Relay, Code: c.Join.Code, Agent: c.AgentID, Data: c.DataDir, Log: c.Log}
	var err error
	if o.Agent == "" {
		if o.Agent, err = AgentID(c.DataDir); err != nil {
			return err
		}
	}
	if c.Join.CA != "" {
		if o.Roots, err = readRoots(c.Join.CA); err != nil {
			return err
		}
	}
	_, err = join.Ensure(ctx, o)
	return err
}

func readRoots(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in PEM", path)
	}
	return roots, nil
}

// useEnrolled takes from the enrolment of this node what the configuration leaves open.
func (c *Config) useEnrolled() error {
	if c.NoPublish || c.NATS.InProcess != nil || c.NATS.Credentials != "" {
		return nil
	}
	n, err := join.Load(c.DataDir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case c.AgentID == "":
		c.AgentID = n.AgentID
	case c.AgentID != n.AgentID:
		return fmt.Errorf("this node was enrolled as agent %s, and is to be %s: enrol it again with 'daytwo node enroll'",
			n.AgentID, c.AgentID)
	}
	switch {
	case c.Cluster == "" || c.Cluster == n.Cluster || c.ClusterDefault:
		c.Cluster = n.Cluster
	default:
		return fmt.Errorf("this node was enrolled in cluster %q, and is to be in %q: enrol it again with "+
			"'daytwo node enroll'", n.Cluster, c.Cluster)
	}
	if c.NATS.URLs == "" || c.NATSDefault {
		c.NATS.URLs = strings.Join(n.Servers, ",")
	}
	if c.NATS.CA == "" {
		c.NATS.CA = n.CA
	}
	c.NATS.Credentials = n.Credentials
	if c.NATS.URLs == "" {
		c.NATS.URLs = setting.NATS
	}
	return nil
}

// renewer returns what keeps the credential of this node valid, nil without one.
func (n *Node) newRenewer() *join.Renewer {
	if n.conn == nil || n.cfg.NATS.Credentials == "" || n.cfg.NATS.InProcess != nil {
		return nil
	}
	return &join.Renewer{Conn: n.conn, Cluster: n.cfg.Cluster, Agent: n.cfg.AgentID, File: n.cfg.NATS.Credentials,
		Log: n.log.With("component", "credential")}
}

// JoinNode makes this machine a node of a cluster, in place of what it was, and returns its
// agent id and the cluster. agent may be "" for the machine id.
func JoinNode(ctx context.Context, j Join, agent, data string) (id, cluster string, err error) {
	o := join.Options{Relay: j.Relay, Code: j.Code, Agent: agent, Data: data}
	if o.Agent == "" {
		if o.Agent, err = AgentID(data); err != nil {
			return "", "", err
		}
	}
	if j.CA != "" {
		if o.Roots, err = readRoots(j.CA); err != nil {
			return "", "", err
		}
	}
	n, err := join.Join(ctx, o)
	if err != nil {
		return "", "", err
	}
	return n.AgentID, n.Cluster, nil
}
