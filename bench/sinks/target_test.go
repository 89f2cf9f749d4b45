package sinks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// target is a receiver that is a process, and a sink for it.
type target struct {
	t       testing.TB
	name    string
	config  string // of the sink, with %s for the receiver's address
	address string // where the receiver listens
	command func() *exec.Cmd
	ready   func() error // nil: once it listens
	read    func() []got // what it has, in its order where it has one
	out     string       // file of what a program of bench/receivers has
	process *rig.Process

	memory bool                      // what it has confirmed is not on disk at once
	noAcks bool                      // what is under way when it is killed is lost
	text   func(*sink.Record) []byte // nil: all of it
	orders bool                      // read returns the order of arrival
}

// expect returns what a receiver should have of a record's text.
func (g *target) expect(r *sink.Record) []byte {
	if g.text != nil {
		return g.text(r)
	}
	return r.Text()
}

// got is a record at a receiver.
type got struct {
	id      string
	message []byte
	cut     bool // it says that it was cut
}

func (g *target) start() {
	g.t.Helper()
	g.process = rig.StartProcess(g.t, g.command())
	ready := g.ready
	if ready == nil {
		ready = func() error { return listens(g.address) }
	}
	rig.Eventually(g.t, 90*time.Second, func() error {
		if !g.process.Running() {
			g.t.Fatalf("%s ended: %s", g.name, g.process.Log())
		}
		return ready()
	})
}

// end kills the receiver, unless that loses what it has confirmed.
func (g *target) end() {
	if g.memory {
		g.process.Signal(syscall.SIGTERM)
		<-g.process.Ended()
		return
	}
	g.process.Kill()
}

func listens(address string) error {
	c, err := net.Dial("tcp", address)
	if err == nil {
		c.Close()
	}
	return err
}

func portOf(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

// secret writes a file with a secret.
func secret(t testing.TB, value string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// token is that of the HTTP Event Collector.
const token = "11111111-2222-3333-4444-555555555555"

// collectors returns receivers of the OpenTelemetry collector, a process each, by the name
// of their flag.
func collectors(t testing.TB) map[string]*target {
	t.Helper()
	program := rig.ModuleProgram(t, "../receivers", ".")
	all := map[string]*target{}
	for name, config := range map[string]string{
		"hec":       "splunk: {url: \"http://%s\", token_file: " + secret(t, token) + ", ack: true}",
		"otlp-http": "otlp: {url: \"http://%s\"}",
		"otlp-grpc": "otlp: {grpc: \"%s\"}",
		"loki":      "loki: {url: \"http://%s\"}",
		"forward":   "fluentd: {address: \"%s\"}",
	} {
		g := &target{t: t, name: name, config: config, address: rig.FreePort(t), orders: true}
		switch name {
		case "otlp-http", "otlp-grpc": // a second message is an attribute
			g.text = (*sink.Record).Message
		case "forward": // it shows a list as JSON
			g.text = func(r *sink.Record) []byte {
				if text, first := r.Text(), r.Message(); len(text) > len(first) {
					return fmt.Appendf(nil, "[%q,%q]", first, text[len(first)+1:])
				}
				return r.Text()
			}
		case "hec": // it groups the events of a request by their source
			g.orders = false
			g.text = func(r *sink.Record) []byte {
				if len(r.Text()) == 0 {
					return []byte(" ")
				}
				return r.Text()
			}
		case "loki": // it groups the lines of a request by stream
			g.orders = false
		}
		out := filepath.Join(t.TempDir(), "out.jsonl")
		g.command = func() *exec.Cmd {
			return exec.Command(program, "-out", out, "-token", token, "-"+name, g.address)
		}
		g.out = out
		g.read = func() []got { return collected(t, out) }
		all[name] = g
	}
	return all
}

// otelRecord is a record of bench/receivers.
type otelRecord struct {
	Time       int64
	Body       []byte
	Type       string
	Severity   int32
	Attributes map[string]any
	Resource   map[string]any
}

// records returns what a program of bench/receivers has written.
func records(t testing.TB, path string) (all []otelRecord) {
	t.Helper()
	for line := range lines(t, path) {
		var r otelRecord
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v: %.300s", err, line)
		}
		all = append(all, r)
	}
	return all
}

// collected returns records with what makes them whole again: text cannot hold every byte.
func collected(t testing.TB, path string) (all []got) {
	t.Helper()
	for _, r := range records(t, path) {
		g := got{message: r.Body}
		g.id, _ = r.Attributes["id"].(string)
		if g.id == "" {
			g.id, _ = r.Attributes["log.record.uid"].(string)
		}
		if b, ok := r.Attributes["message_base64"].(string); ok {
			g.message = unbase64(t, b)
		}
		_, g.cut = r.Attributes["cut"]
		all = append(all, g)
	}
	return all
}

// victoriaLogs returns a VictoriaLogs; path is that of what it takes.
func victoriaLogs(t testing.TB, name, config string) *target {
	t.Helper()
	program := rig.ModuleProgram(t, "../receivers", "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs")
	g := &target{t: t, name: name, config: config, address: rig.FreePort(t), memory: true}
	dir := t.TempDir()
	g.command = func() *exec.Cmd {
		return exec.Command(program, "-httpListenAddr="+g.address, "-storageDataPath="+dir, "-loggerLevel=WARN",
			"-insert.maxLineSizeBytes=1MB", "-retentionPeriod=4w", "-inmemoryDataFlushInterval=1s")
	}
	g.ready = func() error { _, err := ask(t, "GET", "http://"+g.address+"/health", ""); return err }
	g.text = func(r *sink.Record) []byte {
		if len(r.Text()) == 0 {
			return []byte("missing _msg field; see https://docs.victoriametrics.com/victorialogs/keyconcepts/#message-field")
		}
		return r.Text()
	}
	g.read = func() []got { return queried(t, g.address) }
	return g
}

// queried returns what a VictoriaLogs has. It has one line of those that are the same.
func queried(t testing.TB, address string) (all []got) {
	t.Helper()
	answer, err := ask(t, "POST", "http://"+address+"/select/logsql/query?query=*", "")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(answer) {
		var r map[string]string
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %.300s", err, line)
		}
		g := got{id: r["id"], message: []byte(r["_msg"]), cut: r["cut"] != ""}
		if b := r["message_base64"]; b != "" {
			g.message = unbase64(t, b)
		}
		all = append(all, g)
	}
	return all
}

// redisServer returns a Redis that has on disk what it has confirmed.
func redisServer(t testing.TB) *target {
	t.Helper()
	for _, program := range []string{"redis-server", "redis-cli"} {
		if _, err := exec.LookPath(program); err != nil {
			rig.Missing(t, program, err.Error(), "apt-get install redis-server")
		}
	}
	g := &target{t: t, name: "redis", config: "redis: {addresses: [\"%s\"]}", address: rig.FreePort(t), orders: true}
	dir := t.TempDir()
	g.command = func() *exec.Cmd {
		return exec.Command("redis-server", "--port", portOf(g.address), "--bind", "127.0.0.1", "--save", "",
			"--appendonly", "yes", "--appendfsync", "always", "--dir", dir)
	}
	g.read = func() []got {
		out, err := exec.Command("redis-cli", "-p", portOf(g.address), "--raw", "lrange", "logstash", "0", "-1").Output()
		if err != nil {
			t.Fatal(err)
		}
		return documents(t, out)
	}
	return g
}

// document is a record in the format of package sink's encoder.
type document struct {
	ID      string
	Message json.RawMessage
	Base64  json.RawMessage `json:"message_base64"`
	Cut     int
}

// got returns the record; several messages stand on a line each.
func (d *document) got(t testing.TB) got {
	t.Helper()
	text := several(t, d.Message)
	g := got{id: d.ID, message: []byte(strings.Join(text, "\n")), cut: d.Cut > 0}
	if len(d.Base64) > 0 {
		g.message = unbase64(t, several(t, d.Base64)[0])
	}
	return g
}

// several returns a text or a list of texts.
func several(t testing.TB, raw json.RawMessage) (all []string) {
	t.Helper()
	if len(raw) > 0 && raw[0] != '[' {
		raw = fmt.Appendf(nil, "[%s]", raw)
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatalf("%v: %.300s", err, raw)
	}
	return all
}

// documents returns the records of JSON lines.
func documents(t testing.TB, text []byte) (all []got) {
	t.Helper()
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "}\n") {
			continue // it is being written, or redis-cli ends the list
		}
		var d document
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatalf("%v: %.300s", err, line)
		}
		all = append(all, d.got(t))
	}
	return all
}

// rsyslogd returns an rsyslog, which writes what it has understood as JSON.
func rsyslogd(t testing.TB) *target {
	t.Helper()
	path, err := exec.LookPath("rsyslogd")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/rsyslogd")
	}
	if err != nil {
		rig.Missing(t, "rsyslogd", err.Error(), "apt-get install rsyslog rsyslog-openssl")
	}
	dir := t.TempDir()
	g := &target{t: t, name: "rsyslog", config: "syslog: {address: \"%s\"}", address: rig.FreePort(t), noAcks: true,
		orders: true}
	out := filepath.Join(dir, "out.jsonl")
	config := fmt.Sprintf(`global(workDirectory="%[1]s" maxMessageSize="256k"
  parser.escapeControlCharactersOnReceive="off")
module(load="imptcp")
template(name="j" type="list") { property(name="jsonmesg") constant(value="\n") }
ruleset(name="w") { action(type="omfile" file="%[2]s" template="j") }
input(type="imptcp" address="127.0.0.1" port="%[3]s" ruleset="w")
`, dir, out, portOf(g.address))
	if err := os.WriteFile(filepath.Join(dir, "rsyslog.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	g.command = func() *exec.Cmd {
		return exec.Command(path, "-n", "-f", filepath.Join(dir, "rsyslog.conf"), "-i", filepath.Join(dir, "pid"))
	}
	g.text = func(r *sink.Record) []byte { // JSON has no other bytes, and rsyslog no NUL
		text := bytes.ReplaceAll(bytes.TrimRight(r.Text(), "\x00"), []byte{0}, []byte("#000"))
		return []byte(strings.Map(func(c rune) rune { return c }, string(text)))
	}
	g.read = func() (all []got) {
		for line := range lines(t, out) {
			var m struct {
				Msg  string
				Data string `json:"structured-data"`
			}
			if json.Unmarshal(line, &m) != nil {
				t.Fatalf("%.300s", line)
			}
			_, id, _ := strings.Cut(m.Data, `id="`)
			id, _, _ = strings.Cut(id, `"`)
			all = append(all, got{id, []byte(m.Msg), strings.Contains(m.Data, ` cut="`)})
		}
		return all
	}
	return g
}
