package sinks

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/query"
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
