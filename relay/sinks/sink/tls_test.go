package sink_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Package bench/sinks has TLS with each kind of receiver.

func TestTLSFiles(t *testing.T) {
	a := rig.NewAuthority(t)
	pair := a.Issue("relay", time.Now().Add(time.Hour))
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(t.TempDir(), "open.key")
	if err := os.WriteFile(open, key, 0o604); err != nil {
		t.Fatal(err)
	}
	good := sink.TLS{CA: sink.File(a.CA), Cert: sink.File(pair.Cert), Key: sink.File(pair.Key), ServerName: "es"}
	c, err := good.Config()
	if err != nil || c.ServerName != "es" || c.RootCAs == nil || c.InsecureSkipVerify || c.GetClientCertificate == nil {
		t.Errorf("%+v, %v", c, err)
	}
	for says, bad := range map[string]sink.TLS{
		"no such file": {CA: "/missing"}, "PEM": {CA: sink.File(junk)}, "together": {Cert: good.Cert},
		"client certificate": {Cert: sink.File(junk), Key: good.Key}, "any PEM data": {Cert: good.Cert, Key: sink.File(junk)},
		"chmod o=": {Cert: good.Cert, Key: sink.File(open)},
	} {
		if _, err := bad.Config(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %q", bad, err, says)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for _, c := range []struct {
		url  string
		tls  *sink.TLS
		says string
	}{
		{"http://a:1", nil, ""}, {"https://a:1", nil, ""}, {"https://a:1", new(sink.TLS), ""},
		{"http://a:1", new(sink.TLS), "tls is set"}, {"a:1", nil, "is not http://"}, {"https://u:p@a", nil, "password"},
		{"ftp://a", nil, "is not http://"}, {"http://", nil, "is not http://"},
	} {
		err := sink.CheckURL("url", c.url, c.tls)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.url, err, c.says)
		}
	}
}

func TestExplain(t *testing.T) {
	other := errors.New("status 500")
	if sink.Explain(nil) != nil || sink.Explain(other) != other {
		t.Error("an error that is not about TLS is changed")
	}
	err := fmt.Errorf("%w: %w", sink.ErrHandshake, errors.New("EOF"))
	if e := sink.Explain(err); !errors.Is(e, sink.ErrHandshake) || !strings.HasSuffix(e.Error(), "at this address?") {
		t.Error(e)
	}
}

// A server that speaks TLS says 400 to a client that does not: that is about no record.
func TestPlainRequestToTLS(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	client, err := sink.NewHTTPClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	_, err = sink.Post(t.Context(), client, strings.Replace(srv.URL, "https", "http", 1), nil, []byte("x"), false)
	if err = sink.Explain(err); err == nil || !strings.Contains(err.Error(), "write https://") {
		t.Error(err)
	}
}
