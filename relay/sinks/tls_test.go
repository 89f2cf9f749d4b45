package sinks

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
)

// A receiver whose certificate is not known gets nothing, and the state of the sink says what
// to do. One that is not to be verified gets all, and that is said aloud.
func TestUnknownCertificate(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	srv := httptest.NewTLSServer(r)
	t.Cleanup(srv.Close)
	config := func(more string) string {
		return fmt.Sprintf("sinks:\n  - name: es\n    elasticsearch: {urls: [%q]%s}\n    retry: {min: 20ms, max: 200ms}\n",
			srv.URL, more)
	}
	m := manage(t, b, "relay1", t.TempDir(), config(""))
	b.lines(0, 99)
	s := m.until("es", func(s query.Sink) bool { return s.State == "failing" })
	if s.Delivered != 0 || !strings.HasSuffix(s.Error, "give the certificate of its authority as ca_file of tls") {
		t.Errorf("%+v", s)
	}
	if err := m.Test(t.Context(), "es"); err == nil || !strings.HasSuffix(err.Error(), "as ca_file of tls") {
		t.Error(err)
	}
	if c := Doctor(m.path); c[1].State != health.Fail || !strings.Contains(c[1].Detail, "as ca_file of tls") {
		t.Errorf("%+v", c)
	}
	if strings.Contains(m.log.String(), "accepts any certificate") {
		t.Error("it is said to be insecure")
	}
	m.write(config(", tls: {insecure: true}"))
	r.lines(0, 100)
	if s := m.sink("es"); !strings.Contains(s.Target, "not verified") ||
		!strings.Contains(m.log.String(), "accepts any certificate") {
		t.Errorf("it is not said to be insecure: %+v\n%s", s, m.log)
	}
	if c := Doctor(m.path); c[1].State != health.Warn || !strings.Contains(c[1].Fix, "ca_file") {
		t.Errorf("%+v", c)
	}
}

// A sink follows its file of authorities when that is replaced; one that cannot be used changes
// nothing.
func TestAuthoritiesAreFollowed(t *testing.T) {
	b, r := newBroker(t), newReceiver(t)
	first, second := rig.NewAuthority(t), rig.NewAuthority(t)
	var served atomic.Pointer[tls.Certificate]
	serve := func(a *rig.Authority) {
		t.Helper()
		p := a.Issue("127.0.0.1", time.Now().Add(time.Hour))
		c, err := tls.LoadX509KeyPair(p.Cert, p.Key)
		if err != nil {
			t.Fatal(err)
		}
		served.Store(&c)
	}
	serve(first)
	srv := httptest.NewUnstartedServer(r)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*served.Load()}}, nil
	}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	put := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(ca+".new", text, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(ca+".new", ca); err != nil {
			t.Fatal(err)
		}
	}
	read := func(a *rig.Authority) []byte {
		t.Helper()
		text, err := os.ReadFile(a.CA)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	put(read(first))
	m := manage(t, b, "relay1", t.TempDir(), fmt.Sprintf("sinks:\n  - name: es\n    elasticsearch: {urls: [%q], "+
		"tls: {ca_file: %q}}\n    retry: {min: 20ms, max: 200ms}\n", srv.URL, ca))
	b.lines(0, 9)
	r.lines(0, 10)

	// A file that is no good changes nothing, and is told of once.
	put([]byte("no certificate\n"))
	rig.Eventually(t, 10*time.Second, func() error {
		if !strings.Contains(m.log.String(), "those of before stay") {
			return errors.New("nothing is said of the file")
		}
		return nil
	})
	b.lines(10, 19)
	r.lines(0, 20)

	// The receiver has a certificate by another authority, which comes into the file later.
	serve(second)
	srv.CloseClientConnections()
	b.lines(20, 29)
	m.until("es", func(s query.Sink) bool { return s.State == "failing" })
	put(read(second))
	r.lines(0, 30)

	// An authority that is taken out of the file is not trusted, although its connection was open.
	put(read(first))
	rig.Eventually(t, 10*time.Second, func() error {
		if n := strings.Count(m.log.String(), "trusts the authorities of a new file"); n != 2 {
			return fmt.Errorf("%d new files", n)
		}
		return nil
	})
	b.lines(30, 39)
	m.until("es", func(s query.Sink) bool { return s.State == "failing" })
	if n := strings.Count(m.log.String(), "those of before stay"); n != 1 {
		t.Errorf("the file that is no good is told of %d times", n)
	}
	put(append(read(first), read(second)...))
	r.lines(0, 40)
}
