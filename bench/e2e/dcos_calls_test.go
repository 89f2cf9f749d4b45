package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/daytwo/daytwo/api/auth/users"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// The calls of Mesos' agents, as DC/OS' Go command line and its integration tests send them.

const callsPolicy = `rules:
- {subjects: 'user:eve', resources: [dcos:mesos:agent:nested_container_session, dcos:mesos:agent:container,
    dcos:adminrouter:ops:slave], actions: full}
- {subjects: 'user:tim', resources: dcos:adminrouter:ops:slave, actions: read}
`

// agentCalls is a task, and who calls its agent.
type agentCalls struct {
	*testing.T
	url, path, token string
	container        string
	via              http.RoundTripper
}

const (
	jsonType     = "application/json"
	protobufType = "application/x-protobuf"
	recordType   = "application/recordio"
)

func newAgentCalls(t *testing.T, o rig.Options) (c *agentCalls, d *rig.Daytwo) {
	t.Helper()
	rig.NeedRoot(t, "cgroups of tasks")
	o.Args = append(o.Args, "--agent-id", dcosAgent, "--no-bpf", "--interval", "500ms", "--policy", file(t, callsPolicy))
	d = rig.StartReady(t, o)
	task := rig.UniqueName("called")
	ctx, cancel := context.WithCancel(context.Background())
	run := exec.CommandContext(ctx, rig.Binary(t), "run", "--socket", filepath.Join(d.Data, launch.SocketName),
		"--log", "none", "--name", task, "--", "sleep", "1000")
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = run.Wait() }) // it was interrupted
	c = &agentCalls{T: t, url: d.Relay.URL, path: "/slave/" + dcosAgent + "/api/v1", token: d.Relay.Token,
		via: http.DefaultTransport}
	if o.CA != "" {
		c.via = http2To(t, o.CA)
	}
	rig.Eventually(t, 20*time.Second, func() error {
		c.container = c.find(task)
		if c.container == "" {
			return errors.New("there is no such task")
		}
		return nil
	})
	return c, d
}

// http2To returns a client that speaks HTTP/2 to those whom an authority vouches for.
func http2To(t *testing.T, ca string) http.RoundTripper {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// find finds the container of a task and its agent as DC/OS' integration tests do.
func (c *agentCalls) find(task string) (container string) {
	resp := c.do("GET", "/mesos/master/state", nil, nil)
	defer resp.Body.Close()
	var state struct {
		Frameworks []struct {
			Tasks []struct {
				ID, Slave_ID string
				Statuses     []struct {
					Container_Status struct{ Container_ID struct{ Value string } }
				}
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
		c.Fatal(err)
	}
	for _, f := range state.Frameworks {
		for _, t := range f.Tasks {
			if strings.Contains(t.ID, task) && t.Slave_ID == dcosAgent {
				container = t.Statuses[0].Container_Status.Container_ID.Value
			}
		}
	}
	return container
}

func (c *agentCalls) do(method, path string, headers []string, body io.Reader) *http.Response {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	c.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		c.Fatal(err)
	}
	req.Header.Set("Authorization", "token="+c.token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := c.via.RoundTrip(req)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { resp.Body.Close() })
	return resp
}

// reply returns the status and the body of an answer.
func (c *agentCalls) reply(resp *http.Response) (int, string) {
	c.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// field appends a field of protobuf: a number, or bytes.
func field(num protowire.Number, v any) []byte {
	switch v := v.(type) {
	case int:
		return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), uint64(v))
	case string:
		return protowire.AppendString(protowire.AppendTag(nil, num, protowire.BytesType), v)
	case []byte:
		return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), v)
	}
	panic("neither a number nor bytes")
}

func fields(list ...[]byte) []byte { return bytes.Join(list, nil) }

// goID is the id of a nested container.
func (c *agentCalls) goID(id string) []byte {
	return fields(field(1, id), field(2, field(1, c.container)))
}

// goLaunch is what the Go command line sends: protobuf, with two Accept headers.
func (c *agentCalls) goLaunch(id string, tty bool, args ...string) *http.Response {
	c.Helper()
	command := fields(field(3, args[0]), field(6, 0))
	for _, a := range args {
		command = append(command, field(7, a)...)
	}
	info := field(1, 2)
	if tty {
		command = append(command, field(2, field(1, fields(field(1, "TERM"), field(2, "xterm"), field(3, 1))))...)
		info = append(info, field(10, "")...)
	}
	body := fields(field(1, 17), field(9, fields(field(1, c.goID(id)), field(2, command), field(3, info))))
	return c.do("POST", c.path, []string{"Content-Type", protobufType, "Accept", protobufType, "Accept", recordType,
		"Message-Accept", protobufType}, bytes.NewReader(body))
}

// launched checks the headers of a stream, and returns its records.
func (c *agentCalls) launched(resp *http.Response, of string) *bufio.Reader {
	c.Helper()
	if resp.StatusCode != http.StatusOK {
		status, body := c.reply(resp)
		c.Fatalf("status %d: %s", status, body)
	}
	h := resp.Header
	if h["Content-Type"][0] != recordType || h["Message-Content-Type"][0] != of || h.Get("Content-Encoding") != "" {
		c.Errorf("the headers are %v", h)
	}
	return bufio.NewReader(resp.Body)
}

// record reads a record, which has at most 16 KiB.
func (c *agentCalls) record(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
	if err != nil || n > 16<<10 || n == 0 {
		c.Fatalf("a record of %q bytes: %v", line, err)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return b, err
}

// parsed returns the fields of a message.
func (c *agentCalls) parsed(b []byte) (numbers map[int]uint64, parts map[int][]byte) {
	c.Helper()
	numbers, parts = map[int]uint64{}, map[int][]byte{}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		b = b[max(n, 0):]
		if typ == protowire.VarintType {
			numbers[int(num)], n = protowire.ConsumeVarint(b)
		} else {
			parts[int(num)], n = protowire.ConsumeBytes(b)
		}
		if n < 0 {
			c.Fatalf("no protobuf: %q", b)
		}
		b = b[n:]
	}
	return numbers, parts
}

// goOutput reads what the Go command line would print until text has come, or until the end if
// that is "".
func (c *agentCalls) goOutput(r *bufio.Reader, text string) (out, errs string) {
	c.Helper()
	for text == "" || !strings.Contains(out, text) {
		b, err := c.record(r)
		if err == io.EOF && text == "" {
			return out, errs
		}
		if err != nil {
			c.Fatalf("%v after %q, %q", err, out, errs)
		}
		numbers, parts := c.parsed(b)
		if numbers[1] == 2 {
			continue // a heartbeat
		}
		kind, data := c.parsed(parts[2])
		if len(data[2]) == 0 {
			c.Errorf("a record without data: %q", b)
		}
		switch kind[1] {
		case 2:
			out += string(data[2])
		case 3:
			errs += string(data[2])
		default:
			c.Errorf("a record of stream %d", kind[1])
		}
	}
	return out, errs
}

// goInput is a stream of input of the Go command line.
type goInput struct {
	*io.PipeWriter
	answer chan *http.Response
}

func (c *agentCalls) goInput(id string) *goInput {
	r, w := io.Pipe()
	in := &goInput{w, make(chan *http.Response, 1)}
	go func() {
		in.answer <- c.do("POST", c.path, []string{"Content-Type", recordType, "Message-Content-Type", protobufType,
			"Accept", protobufType, "Accept", protobufType}, r)
	}()
	in.send(fields(field(1, 18), field(10, fields(field(1, 1), field(2, c.goID(id))))))
	return in
}

// send sends a record. An answer that came before ends the body, which does not matter here.
func (in *goInput) send(call []byte) {
	_, _ = in.Write(append([]byte(strconv.Itoa(len(call))+"\n"), call...))
}

func (in *goInput) io(process []byte) {
	in.send(fields(field(1, 18), field(10, fields(field(1, 2), field(3, process)))))
}

func (in *goInput) stdin(text string) {
	in.io(fields(field(1, 1), field(2, fields(field(1, 1), field(2, text)))))
}

func (in *goInput) resize(rows, cols int) {
	in.io(fields(field(1, 2), field(3, fields(field(1, 1), field(2, field(1, fields(field(1, rows), field(2, cols))))))))
}

func (in *goInput) heartbeat() {
	in.io(fields(field(1, 2), field(3, fields(field(1, 2), field(3, field(1, field(1, 30_000_000_000)))))))
}

// answered waits for the answer, which is good and has no Content-Type.
func (in *goInput) answered(c *agentCalls) {
	c.Helper()
	select {
	case resp := <-in.answer:
		status, body := c.reply(resp)
		if _, ok := resp.Header["Content-Type"]; ok || status != http.StatusOK || body != "" {
			c.Errorf("input is answered with %d %q, %v", status, body, resp.Header)
		}
	case <-time.After(20 * time.Second):
		c.Fatal("input is not answered")
	}
}

// goWait asks how a container ended.
func (c *agentCalls) goWait(id string) (status int, body string) {
	c.Helper()
	call := fields(field(1, 23), field(14, field(1, c.goID(id))))
	resp := c.do("POST", c.path, []string{"Content-Type", protobufType, "Accept", protobufType, "Accept", protobufType},
		bytes.NewReader(call))
	status, body = c.reply(resp)
	if status == http.StatusOK && resp.Header.Get("Content-Type") != protobufType {
		c.Errorf("the end has the type %v", resp.Header)
	}
	return status, body
}

// ended is the answer about a container that ended with a status of wait(2).
func ended(status int) string {
	return string(fields(field(1, 15), field(16, field(1, status))))
}

// goAttach attaches to the output of a container.
func (c *agentCalls) goAttach(id []byte) *http.Response {
	c.Helper()
	return c.do("POST", c.path, []string{"Content-Type", protobufType, "Accept", protobufType, "Accept", recordType,
		"Message-Accept", protobufType}, bytes.NewReader(fields(field(1, 19), field(11, field(1, id)))))
}

// login returns the same calls by a local user.
func (c *agentCalls) login(d *rig.Daytwo, name string) *agentCalls {
	c.Helper()
	store, err := users.Open(filepath.Join(d.Data, users.FileName))
	if err == nil {
		err = store.Add(name, nil, password)
	}
	if err != nil {
		c.Fatal(err)
	}
	other := *c
	rig.Eventually(c, 10*time.Second, func() error {
		resp := c.do("POST", "/acs/api/v1/auth/login", []string{"Content-Type", jsonType},
			strings.NewReader(fmt.Sprintf(`{"uid":%q,"password":%q}`, name, password)))
		status, body := c.reply(resp)
		var answer struct{ Token string }
		if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Token == "" {
			return fmt.Errorf("%d %s", status, body)
		}
		other.token = answer.Token
		return nil
	})
	return &other
}
