package syslog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// rsyslog is the real one, which writes what it receives as JSON lines.
type rsyslog struct {
	t         *testing.T
	dir       string
	path      string
	plain     string // address of TCP and UDP
	encrypted string // address of TLS
	ca        string
	process   *rig.Process
}

func startRsyslog(t *testing.T) *rsyslog {
	t.Helper()
	path, err := exec.LookPath("rsyslogd")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/rsyslogd")
	}
	if err != nil {
		rig.Missing(t, "rsyslogd", err.Error(), "apt-get install rsyslog rsyslog-openssl")
	}
	r := &rsyslog{t: t, dir: t.TempDir(), path: path, plain: rig.FreePort(t), encrypted: rig.FreePort(t)}
	authority := rig.NewAuthority(t)
	r.ca = authority.CA
	pair := authority.Issue("127.0.0.1", time.Now().Add(time.Hour))
	port := func(a string) string { _, p, _ := net.SplitHostPort(a); return p }
	config := fmt.Sprintf(`global(workDirectory="%[1]s" maxMessageSize="256k"
  defaultNetstreamDriverCAFile="%[4]s" defaultNetstreamDriverCertFile="%[5]s" defaultNetstreamDriverKeyFile="%[6]s")
module(load="imptcp")
module(load="imudp")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
template(name="j" type="list") { property(name="jsonmesg") constant(value="\n") }
ruleset(name="w") { action(type="omfile" file="%[1]s/out.jsonl" template="j") }
input(type="imptcp" address="127.0.0.1" port="%[2]s" ruleset="w")
input(type="imudp" address="127.0.0.1" port="%[2]s" ruleset="w")
input(type="imtcp" address="127.0.0.1" port="%[3]s" ruleset="w")
`, r.dir, port(r.plain), port(r.encrypted), r.ca, pair.Cert, pair.Key)
	if err := os.WriteFile(filepath.Join(r.dir, "rsyslog.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	return r
}

func (r *rsyslog) start() {
	r.process = rig.StartProcess(r.t, exec.Command(r.path, "-n", "-f", filepath.Join(r.dir, "rsyslog.conf"),
		"-i", filepath.Join(r.dir, "pid")))
	for _, a := range []string{r.plain, r.encrypted} {
		rig.Eventually(r.t, 20*time.Second, func() error {
			c, err := net.Dial("tcp", a)
			if err == nil {
				c.Close()
			}
			return err
		})
	}
}

// message is what rsyslog understood.
type message struct {
	Msg, Hostname, Pri, ProcID, MsgID, TimeReported string
	Program                                         string `json:"programname"`
	Tag                                             string `json:"syslogtag"`
	Data                                            string `json:"structured-data"`
	Raw                                             string `json:"rawmsg"`
}

// received waits until rsyslog has written n messages since the last call.
func (r *rsyslog) received(n int) (all []message) {
	r.t.Helper()
	path := filepath.Join(r.dir, "out.jsonl")
	rig.Eventually(r.t, 20*time.Second, func() error {
		b, _ := os.ReadFile(path)
		if got := bytes.Count(b, []byte("\n")); got != n {
			return fmt.Errorf("%d messages, want %d", got, n)
		}
		all = nil
		for line := range bytes.Lines(b) {
			var m message
			if err := json.Unmarshal(line, &m); err != nil {
				return fmt.Errorf("%w: %s", err, line)
			}
			all = append(all, m)
		}
		return nil
	})
	if err := os.Truncate(path, 0); err != nil {
		r.t.Fatal(err)
	}
	return all
}

func open(t *testing.T, c Config) sink.Sink {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// odd are records of which each must come out as one message.
func odd() []*sink.Record {
	e := testlog.Entry(5, "value of a tag with a quote")
	e.Origin.SetTag("task_name", `a "b" \ c]`)
	long := testlog.Entry(6, "host of 300 bytes")
	for i := range long.Fields {
		if long.Fields[i].Name == "_HOSTNAME" {
			long.Fields[i].Value = []byte(strings.Repeat("h", 300))
		}
	}
	spaces := testlog.Entry(7, "spaces in the name")
	for i := range spaces.Fields {
		if spaces.Fields[i].Name == "SYSLOG_IDENTIFIER" {
			spaces.Fields[i].Value = []byte("my own app")
		}
	}
	return []*sink.Record{
		testlog.Record(1, "plain"), testlog.Record(2, "two\nlines"), testlog.Record(3, "umlauts äöü, emoji 😀"),
		testlog.Record(4, ""), sink.New("n", entry.Record{Entry: e}), sink.New("n", entry.Record{Entry: long}),
		sink.New("n", entry.Record{Entry: spaces}), testlog.Record(8, strings.Repeat("l", 60<<10)),
		testlog.Event(),
	}
}

// L-A19: one in, one out, over TCP and TLS, by either framing, and over UDP.
func TestLA19Framing(t *testing.T) {
	r := startRsyslog(t)
	ca := &sink.TLS{CA: sink.File(r.ca)}
	for name, c := range map[string]Config{
		"tcp octets": {Address: r.plain}, "tcp lf": {Address: r.plain, Framing: "lf"},
		"tls octets": {Address: r.encrypted, TLS: ca}, "tls lf": {Address: r.encrypted, TLS: ca, Framing: "lf"},
		"udp": {Address: r.plain, Protocol: "udp"},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			s := open(t, c)
			if err := s.Test(t.Context()); err != nil {
				t.Fatal(err)
			}
			batch := odd()
			if c.Protocol == "udp" {
				batch[7], _ = batch[7].CutTo(c.Limits().Record)
			}
			if res := s.Write(t.Context(), batch); res.Err != nil || len(res.Retry) > 0 {
				t.Fatalf("%+v", res)
			}
			if c.Protocol != "udp" {
				if err := s.Close(); err != nil { // the last message comes all the same
					t.Fatal(err)
				}
			}
			got := r.received(len(batch))
			for i, m := range got {
				want := string(batch[i].Message())
				want = strings.ReplaceAll(want, "\n", "#012")
				if strings.TrimPrefix(m.Msg, " ") != want {
					t.Errorf("message %d: %.200q, want %.200q", i, m.Msg, want)
				}
				if !strings.Contains(m.Data, `id="`+batch[i].ID+`"`) {
					t.Errorf("message %d: structured data %q", i, m.Data)
				}
			}
			if m := got[0]; m.Hostname != "host-1" || m.Program != "web" || m.ProcID != "42" || m.Pri != "14" {
				t.Errorf("%+v", m)
			}
			if !strings.Contains(got[4].Data, `task_name="a \"b\" \\ c\]"`) || len(got[5].Hostname) != 255 ||
				got[6].Program != "my_own_app" {
				t.Errorf("%+v %+v %+v", got[4].Data, got[5].Hostname, got[6].Program)
			}
		})
	}
}

// A receiver that is killed under load: what it had not taken goes to the next one.
func TestReceiverIsKilled(t *testing.T) {
	r := startRsyslog(t)
	s := open(t, Config{Address: r.plain})
	if res := s.Write(t.Context(), testlog.Records(0, 100)); res.Err != nil {
		t.Fatal(res.Err)
	}
	r.received(100)
	r.process.Kill()
	if res := s.Write(t.Context(), testlog.Records(100, 100)); len(res.Retry) != 100 {
		t.Fatalf("%d to retry: %v", len(res.Retry), res.Err)
	}
	r.start()
	if res := s.Write(t.Context(), testlog.Records(100, 100)); res.Err != nil {
		t.Fatal(res.Err)
	}
	for i, m := range r.received(100) {
		if strings.TrimSpace(m.Msg) != fmt.Sprint("line ", 100+i) {
			t.Fatalf("message %d: %q", i, m.Msg)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, bad := range []Config{{}, {Address: "h"}, {Address: "h:1", Protocol: "x"}, {Address: "h:1", Framing: "x"},
		{Address: "h:1", Facility: "x"}, {Address: "h:1", Protocol: "udp", TLS: &sink.TLS{}}} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}
