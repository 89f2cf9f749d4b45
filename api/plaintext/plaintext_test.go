package plaintext

import (
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/health"
)

// lacks returns what exposures lack, by setting.
func lacks(all []Exposure) string {
	var words []string
	for _, e := range all {
		words = append(words, e.Setting+":"+e.Lacks)
	}
	return strings.Join(words, " ")
}

func TestListen(t *testing.T) {
	check := func(address string, tls bool, want string) {
		t.Helper()
		if got := lacks(Listen(address, tls)); got != want {
			t.Errorf("%s, TLS %v: %q, want %q", address, tls, got, want)
		}
	}
	for _, local := range []string{"127.0.0.1:8400", "localhost:8400", "[::1]:8400", "127.9.9.9:1", "nonsense"} {
		check(local, false, "")
	}
	for _, far := range []string{
		"0.0.0.0:8400", ":8400", "[::]:8400", "10.0.0.1:1", "relay.example:1", "localhost.evil:1",
	} {
		check(far, false, "listen:TLS")
		check(far, true, "")
	}
}

func TestNATSListener(t *testing.T) {
	check := func(address string, tls, users bool, want string) {
		t.Helper()
		if got := lacks(NATSListener(address, tls, users)); got != want {
			t.Errorf("%s, TLS %v, users %v: %q, want %q", address, tls, users, got, want)
		}
	}
	check("127.0.0.1:4222", false, false, "")
	check(":4222", false, false, "nats-listen:TLS nats-listen:authentication")
	check(":4222", true, false, "nats-listen:authentication")
	check(":4222", false, true, "nats-listen:TLS")
	check(":4222", true, true, "")
}

func TestClient(t *testing.T) {
	check := func(c Client, want string) {
		t.Helper()
		all, err := c.Exposures()
		if err != nil || lacks(all) != want {
			t.Errorf("%+v: %q, %v, want %q", c, lacks(all), err, want)
		}
	}
	const both = "nats:TLS nats:authentication"
	for _, local := range []string{"", "nats://127.0.0.1:4222", "localhost", "127.0.0.1:1, nats://[::1]:2"} {
		check(Client{URLs: local}, "")
	}
	check(Client{URLs: "nats://a"}, both)
	check(Client{URLs: "a:4222"}, both)
	check(Client{URLs: "ws://a:80"}, both)
	check(Client{URLs: "nats://127.0.0.1:4222,nats://a:1"}, both) // one of them is enough
	check(Client{URLs: "tls://a:1,nats://b:2", Authenticated: true}, "nats:TLS")
	check(Client{URLs: "tls://a:1"}, "nats:authentication")
	check(Client{URLs: "nats://u:p@a:1"}, "nats:TLS")
	check(Client{URLs: "tls://u:p@a:1, tls://b:2"}, "nats:authentication")
	check(Client{URLs: "tls://token@a:1"}, "")
	check(Client{URLs: "nats://a:1", TLS: true, Authenticated: true}, "")
	check(Client{URLs: "nats://localhost.evil:1", TLS: true}, "nats:authentication")
}

// Neither what is no URL nor what lacks TLS is repeated with its password.
func TestNoPassword(t *testing.T) {
	const secret = "hunter2"
	for _, urls := range []string{
		"nats://u:" + secret + "@a:1", "nats://u:" + secret + "/x@a:1", "nats://u:x," + secret + "@a:1",
		"nats://u:" + secret + "@a:port", "nats://u:%zz" + secret + "@a", "u:" + secret + "@a b",
	} {
		all, err := Client{URLs: urls}.Exposures()
		if err == nil {
			err = Refuse(all, false)
		}
		if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(Redacted(urls), secret) {
			t.Errorf("%s: %v, %s", urls, err, Redacted(urls))
		}
	}
	if got := Redacted("nats://u:p@a:1,b"); got != "nats://a:1,nats://b" {
		t.Error(got)
	}
}

func TestWhatToDo(t *testing.T) {
	all, err := Client{URLs: "nats://nats1"}.Exposures()
	if err != nil {
		t.Fatal(err)
	}
	all = append(Listen(":8400", false), all...)
	text := Refuse(all, false).Error()
	for _, word := range []string{"--tls-cert", "--insecure", "tls://nats1:4222", "--nats-ca", "--nats-creds",
		"daytwo cluster init"} {
		if !strings.Contains(text, word) {
			t.Errorf("no %q in %s", word, text)
		}
	}
	if err := Refuse(all, true); err != nil {
		t.Error(err)
	}
	for insecure, want := range map[bool]health.State{false: health.Fail, true: health.Warn} {
		for _, c := range Doctor(all, insecure) {
			if c.State != want || c.Fix == "" {
				t.Errorf("%v: %+v", insecure, c)
			}
		}
	}
	if c := Doctor(nil, true); len(c) != 0 {
		t.Errorf("%+v", c)
	}
	var b strings.Builder
	WriteMetrics(&b, all[:1])
	if !strings.Contains(b.String(), "{what=\"listen\"} 1\n") || !strings.Contains(b.String(), "{what=\"nats\"} 0\n") {
		t.Error(b.String())
	}
}
