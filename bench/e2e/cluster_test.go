package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

// lab is a cluster as its commands make it: three NATS servers over TLS, two relays and
// three collectors, each of the latter with a network of its own.
type lab struct {
	*testing.T
	keys       string // directory of the cluster's keys
	servers    []*rig.NATS
	relays     []*rig.Daytwo
	collectors []*rig.Daytwo
	hosts      int // that have an address
	data       string
	http       *http.Client
}

const (
	labNet   = "10.78.0."
	labUser  = "sue"
	labShown = "shown-web" // names of tasks: sue may see the first one only
	labBank  = "hidden-bank"
)

// run runs a command of the program on the test's own machine, and returns what it prints.
func (s *lab) run(stdin string, args ...string) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, rig.Binary(s), args...)
	cmd.Env = append(os.Environ(), "HOME="+s.keys+"-home", "DAYTWO_CA="+filepath.Join(s.keys, "ca.crt"))
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		s.Fatalf("daytwo %q: %v\n%s%s", args, err, out.String(), errs.String())
	}
	return out.String()
}

// host makes a network with the next address of the cluster's, and returns both.
func (s *lab) host() (*rig.Netns, string) {
	s.Helper()
	s.hosts++
	n, name, address := rig.NewNetns(s), fmt.Sprint("d2h", s.hosts), fmt.Sprint(labNet, 20+s.hosts)
	rig.IP(s, "link add "+name+" type veth peer name eth0 netns "+n.Path())
	rig.IP(s, "link set "+name+" master d2bridge up")
	n.IP(s, "address add "+address+"/24 dev eth0")
	n.IP(s, "link set eth0 up")
	return n, address
}

// newLabNet makes the network of a lab without any machine.
func newLabNet(t *testing.T) *lab {
	s := &lab{T: t, keys: filepath.Join(t.TempDir(), "keys"), data: t.TempDir()}
	if err := rig.LoopbackUp(); err != nil {
		t.Fatal(err)
	}
	// Without an address of its own it takes the least of those of its ports, whenever one comes, and hosts go on
	// sending to the one that it had.
	rig.IP(t, "link add d2bridge address 02:d2:00:00:00:01 type bridge")
	rig.IP(t, "address add "+labNet+"1/24 dev d2bridge")
	rig.IP(t, "link set d2bridge up")
	return s
}

func newLab(t *testing.T) *lab {
	s := newLabNet(t)
	// The keys, and the files of machines.
	relay1, address1 := s.host()
	relay2, address2 := s.host()
	var hosts []string
	for i := range 3 {
		hosts = append(hosts, fmt.Sprint(labNet, 11+i))
		rig.IP(t, "address add "+hosts[i]+"/24 dev d2bridge")
	}
	data := s.data
	t.Log(s.run("", "cluster", "init", s.keys, "--cluster", "lab", "--server", strings.Join(hosts, ","),
		"--relay", address1+","+address2, "--server-dir", "HERE", "--store-dir", "DATA"))
	s.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots()},
		DisableKeepAlives: true}}
	for i, h := range hosts { // all on one machine: each server has its own directories
		conf := filepath.Join(s.keys, "servers", h, "nats.conf")
		text, err := os.ReadFile(conf)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("HERE"), []byte(filepath.Dir(conf)))
		text = bytes.ReplaceAll(text, []byte("DATA"), []byte(filepath.Join(data, fmt.Sprint("nats", i))))
		if err := os.WriteFile(conf, text, 0o644); err != nil {
			t.Fatal(err)
		}
		s.servers = append(s.servers, rig.StartNATSConfig(t, conf, h+":4222"))
	}

	// Two relays, one of which has the keys, with a policy and a local user.
	policy := filepath.Join(data, "policy.yaml")
	if err := os.WriteFile(policy, []byte("rules:\n  - subjects: user:"+labUser+
		"\n    role: viewer\n    where: {application: /shop/*}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, r := range []struct {
		net     *rig.Netns
		address string
	}{{relay1, address1}, {relay2, address2}} {
		dir := filepath.Join(s.keys, "relays", r.address)
		o := rig.Options{Program: "relay", Netns: r.net, Args: []string{
			"--cluster", "lab", "--nats", "tls://" + strings.Join(hosts, ":4222,tls://") + ":4222", "--nats-replicas", "3",
			"--nats-ca", dir + "/ca.crt", "--nats-creds", dir + "/relay.creds", "--listen", r.address + ":8400",
			"--tls-cert", dir + "/tls.crt", "--tls-key", dir + "/tls.key", "--policy", policy}}
		if i == 0 {
			o.Args = append(o.Args, "--cluster-keys", s.keys, "--node-validity", "12s")
		}
		d := rig.Start(t, o)
		d.Relay.URL = "https://" + r.address + ":8400"
		s.relays = append(s.relays, d)
	}
	s.run("correct horse battery", "auth", "user", "add", labUser, "--data", s.relays[0].Data, "--password-file", "-")
	for _, d := range s.relays {
		rig.Eventually(t, rig.Ready, d.ReadToken)
		rig.Eventually(t, rig.Ready, func() error { _, err := s.get(d, d.Relay.Token, "/readyz", 5*time.Second); return err })
	}
	return s
}

// get sends a request to a relay over TLS, and returns what it answers within a time.
func (s *lab) get(d *rig.Daytwo, token, path string, within time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(s.Context(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", d.Relay.URL+path, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := s.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if ctx.Err() != nil {
		err = nil // a stream
	}
	if err == nil && resp.StatusCode != http.StatusOK {
		err = &rig.StatusError{Path: path, Status: resp.StatusCode, Body: string(body)}
	}
	return string(body), err
}

// roots returns the cluster's authority.
func (s *lab) roots() *x509.CertPool {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(s.keys, "ca.crt"))
	if err != nil {
		s.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return roots
}

// join starts a collector on a machine that knows a relay's address and a code, nothing else.
func (s *lab) join(agent string) *rig.Daytwo {
	s.Helper()
	code := strings.TrimSpace(s.run("", "node", "code", "--url", s.relays[0].Relay.URL, "--token", s.relays[0].Relay.Token,
		"--expires", "1m", "--agent-id", agent))
	n, _ := s.host()
	d := rig.Start(s, rig.Options{Program: "collector", Netns: n, Args: []string{"--join", s.relays[0].Relay.URL,
		"--code", code, "--agent-id", agent, "--interval", "500ms", "--no-bpf"}})
	s.collectors = append(s.collectors, d)
	return d
}

// agents returns the agents of a relay by id.
func (s *lab) agents(d *rig.Daytwo, token string) (map[string]v1.Agent, error) {
	text, err := s.get(d, token, "/api/v1/agents", 20*time.Second)
	if err != nil {
		return nil, err
	}
	var answer struct{ Agents []v1.Agent }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return nil, err
	}
	all := map[string]v1.Agent{}
	for _, a := range answer.Agents {
		all[a.AgentID] = a
	}
	return all, nil
}

// task starts a task of an application on the machine of a collector, until the test ends.
func (s *lab) task(d *rig.Daytwo, name, application string) {
	s.Helper()
	socket := filepath.Join(d.Data, launch.SocketName)
	cmd := d.Options.Netns.Command(rig.Binary(s), "run", "--socket", socket, "--name", name,
		"--label", "application_name="+application, "--label", "framework_name=marathon", "--log", "none", "--",
		"bash", "-c", `while sleep 0.3; do echo "`+name+`.hits:1|c" > /dev/udp/$STATSD_UDP_HOST/$STATSD_UDP_PORT; done`)
	rig.StartProcess(s, cmd)
}

// A cluster of several machines over TLS, as its commands make it: nodes join by codes, a user
// sees one application and nothing else, credentials are renewed, and a revoked node is out.
func TestClusterWithAccess(t *testing.T) {
	t.Parallel()
	rig.Binary(t)
	rig.DCOS(t, "http://127.0.0.1:1", "t") // installs it, which needs the network
	rig.InNamespaces(t, rig.Mount|rig.Network, func(t *testing.T) {
		s := newLab(t)
		for i := range 3 {
			s.join(fmt.Sprint("node-", i+1))
		}
		for _, d := range s.collectors {
			d.WaitReady(t)
		}
		s.task(s.collectors[0], labShown, "/shop/web")
		s.task(s.collectors[1], labBank, "/"+labBank)
		for _, r := range s.relays {
			rig.Eventually(t, time.Minute, func() error {
				all, err := s.agents(r, r.Relay.Token)
				if err == nil && len(all) != 3 {
					err = fmt.Errorf("%d agents", len(all))
				}
				return err
			})
			for _, name := range []string{labShown, labBank} {
				rig.Eventually(t, time.Minute, func() error {
					text, err := s.get(r, r.Relay.Token, "/api/v1/containers?match="+name, 10*time.Second)
					if err == nil && !strings.Contains(text, name) {
						err = fmt.Errorf("no %s in %s", name, text)
					}
					return err
				})
			}
		}
		t.Run("viewer", s.viewer)
		t.Run("renewal", s.renewal)
		t.Run("revocation", s.revocation)
		for _, d := range s.relays {
			d.Stop(t)
		}
	})
}

// viewer is about a user who may see one application.
func (s *lab) viewer(t *testing.T) {
	s.T = t
	r := s.relays[0]
	s.run("correct horse battery", "login", "--url", r.Relay.URL, "--user", labUser, "--password-file", "-")
	if out := s.run("", "task", "list", "--url", r.Relay.URL); !strings.Contains(out, labShown) ||
		strings.Contains(out, labBank) {
		t.Errorf("daytwo task list prints\n%s", out)
	}
	cl, err := client.NewTLS(r.Relay.URL, "", s.roots())
	if err != nil {
		t.Fatal(err)
	}
	token, err := cl.Login(t.Context(), labUser, "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Paths map[string]map[string]struct {
			Security *[]any `json:"security"`
		} `json:"paths"`
	}
	text, err := s.get(r, token, "/api/v1/openapi.json", 10*time.Second)
	if err == nil {
		err = json.Unmarshal([]byte(text), &api)
	}
	if err != nil {
		t.Fatal(err)
	}
	var hidden string // its container id
	all, err := s.get(r, r.Relay.Token, "/api/v1/containers?match="+labBank, 10*time.Second)
	var containers struct{ Containers []v1.Container }
	if err == nil {
		err = json.Unmarshal([]byte(all), &containers)
	}
	if err != nil || len(containers.Containers) == 0 {
		t.Fatal(all, err)
	}
	hidden = containers.Containers[0].ContainerID
	shown, asked := 0, 0
	ask := func(path string) {
		asked++
		text, err := s.get(r, token, path, 3*time.Second)
		for _, secret := range []string{labBank, hidden} {
			if err != nil && strings.Contains(path, secret) {
				continue // the error says what it was asked for
			}
			if strings.Contains(text, secret) {
				t.Errorf("%s shows the other application: %.300s", path, text)
			}
		}
		if strings.Contains(text, labShown) {
			shown++
		}
	}
	for path, methods := range api.Paths {
		if m, ok := methods["get"]; !ok || m.Security != nil && len(*m.Security) == 0 {
			continue
		}
		path = strings.NewReplacer("{agent}", "node-2", "{id}", hidden, "{container}", hidden, "{task}", hidden,
			"{framework}", "marathon", "{executor}", hidden, "{file}", "stdout", "{unit}", "x.service", "{field}",
			"CONTAINER_ID", "{metric}", "m", "{name}", "x").Replace(path)
		ask(path)
		ask(strings.ReplaceAll(path, "node-2", "node-1"))
	}
	ask("/api/v1/query?metric=container_cpu_usage_seconds_total")
	ask("/api/v1/query?metric=" + labBank + "_hits")
	ask("/api/v1/containers?match=" + labBank)
	if shown < 3 {
		t.Errorf("%d of %d routes show the user's own application", shown, asked)
	}
	t.Logf("%d routes, %d of them show the user's application", asked, shown)

	// The unmodified DC/OS command line signs in.
	dcos := rig.DCOS(t, r.Relay.URL, "")
	dcos.Trust(t, filepath.Join(s.keys, "ca.crt"))
	want(t, dcos, nil, "auth", "login", "--username="+labUser, "--password=correct horse battery")
	if out := want(t, dcos, []string{"shown"}, "task"); strings.Contains(out, labBank) {
		t.Errorf("dcos task shows the other application:\n%s", out)
	}
}

// renewal is about credentials that are valid for seconds.
func (s *lab) renewal(t *testing.T) {
	s.T = t
	ticks := func() map[string]v1.Agent {
		var all map[string]v1.Agent
		rig.Eventually(t, 10*time.Second, func() (err error) {
			all, err = s.agents(s.relays[1], s.relays[1].Relay.Token)
			return err
		})
		return all
	}
	before := ticks()
	time.Sleep(14 * time.Second) // longer than any credential was valid
	after := ticks()
	for _, d := range s.collectors {
		if !strings.Contains(d.Log(), "credential was renewed") {
			t.Errorf("a collector has renewed nothing:\n%s", d.Log())
		}
	}
	for id, a := range after {
		if a.Stale || a.Missing != 0 || a.Seq < before[id].Seq+20 {
			t.Errorf("%s: stale %v, missing %d, tick %d after %d", id, a.Stale, a.Missing, a.Seq, before[id].Seq)
		}
	}
}

// revocation measures how long a node is in after 'daytwo node revoke'.
func (s *lab) revocation(t *testing.T) {
	s.T = t
	d, r := s.collectors[2], s.relays[0]
	before := len(d.Log())
	start := time.Now()
	out := s.run("", "node", "revoke", "node-3", "--url", r.Relay.URL, "--token", r.Relay.Token)
	if !strings.Contains(out, "3 NATS servers") {
		t.Error(out)
	}
	rig.Eventually(t, 5*time.Second, func() error {
		if !strings.Contains(d.Log()[before:], "connection lost") {
			return fmt.Errorf("the node is connected:\n%s", d.Log()[before:])
		}
		return nil
	})
	took := time.Since(start)
	t.Logf("out %v after the command was started", took)
	if took > 5*time.Second {
		t.Errorf("after %v", took)
	}
	rig.Eventually(t, 20*time.Second, func() error {
		all, err := s.agents(s.relays[1], s.relays[1].Relay.Token)
		if err == nil && (!all["node-3"].Stale || all["node-1"].Stale) {
			err = fmt.Errorf("%+v", all)
		}
		return err
	})
	if out := s.run("", "node", "enrolled", "--cluster-keys", s.keys); strings.Count(out, "revoked") != 1 {
		t.Error(out)
	}
	// With a new code the same machine is in again.
	code := strings.TrimSpace(s.run("", "node", "code", "--cluster-keys", s.keys, "--agent-id", "node-3"))
	s.run("", "node", "enroll", "--url", r.Relay.URL, "--code", code, "--agent-id", "node-3", "--data", d.Data)
	rig.Eventually(t, time.Minute, func() error {
		all, err := s.agents(s.relays[1], s.relays[1].Relay.Token)
		if err == nil && all["node-3"].Stale {
			err = fmt.Errorf("%+v\n%s", all["node-3"], d.Log()[before:])
		}
		return err
	})
}

// Other machines join the one on which 'daytwo up' runs, over TLS and with a code.
func TestUpForOtherMachines(t *testing.T) {
	rig.Binary(t)
	rig.InNamespaces(t, rig.Mount|rig.Network, func(t *testing.T) {
		s := newLabNet(t)
		machine, address := s.host()
		up := rig.Start(t, rig.Options{Netns: machine, Args: []string{"--agent-id", "first", "--interval", "500ms",
			"--no-bpf", "--listen", "0.0.0.0:8400", "--nats-listen", "0.0.0.0:4222", "--cluster", "lab"}})
		up.Relay.URL = "https://" + address + ":8400"
		s.relays = append(s.relays, up)
		s.keys = filepath.Join(up.Data, "cluster-keys")
		rig.Eventually(t, rig.Ready, up.ReadToken)
		rig.Eventually(t, rig.Ready, func() error { _, err := os.Stat(filepath.Join(s.keys, "ca.crt")); return err })
		s.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots()},
			DisableKeepAlives: true}}
		rig.Eventually(t, rig.Ready, func() error {
			_, err := s.get(up, "", "/readyz", 5*time.Second)
			return err
		})
		second := s.join("second")
		rig.Eventually(t, time.Minute, func() error {
			all, err := s.agents(up, up.Relay.Token)
			if err == nil && (all["second"].Seq < 3 || all["second"].Stale || all["first"].Stale) {
				err = fmt.Errorf("%+v\n%s", all, second.Log())
			}
			return err
		})
		before := len(second.Log())
		if out := s.run("", "node", "revoke", "second", "--url", up.Relay.URL, "--token", up.Relay.Token); !strings.Contains(
			out, "1 NATS servers") {
			t.Error(out)
		}
		rig.Eventually(t, 5*time.Second, func() error {
			if !strings.Contains(second.Log()[before:], "connection lost") {
				return fmt.Errorf("the node is connected:\n%s", second.Log()[before:])
			}
			return nil
		})
		up.Stop(t)
	})
}
