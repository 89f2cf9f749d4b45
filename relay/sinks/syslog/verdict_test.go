package syslog

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// A receiver may take long to check the client's certificate: what it refuses in the end is
// not delivered. One that accepts it gets the records, soon after its ticket, if it sends any.
func TestSlowCheckOfCertificate(t *testing.T) {
	authority := rig.NewAuthority(t)
	right := authority.Issue("127.0.0.1", time.Now().Add(time.Hour))
	cert, err := tls.LoadX509KeyPair(right.Cert, right.Key)
	if err != nil {
		t.Fatal(err)
	}
	const slow = 2 * checksWithin
	refuse := func([][]byte, [][]*x509.Certificate) error {
		time.Sleep(slow)
		return errors.New("not this one")
	}
	accept := func([][]byte, [][]*x509.Certificate) error { time.Sleep(slow); return nil }
	for name, c := range map[string]struct {
		server  *tls.Config
		refused bool
		between [2]time.Duration // the time that the first delivery takes
	}{
		"refuses":         {&tls.Config{VerifyPeerCertificate: refuse}, true, [2]time.Duration{slow, ticketWithin}},
		"accepts":         {&tls.Config{VerifyPeerCertificate: accept}, false, [2]time.Duration{slow, ticketWithin}},
		"sends no ticket": {&tls.Config{SessionTicketsDisabled: true}, false, [2]time.Duration{ticketWithin, 1 << 62}},
		"has no TLS 1.3":  {&tls.Config{MaxVersion: tls.VersionTLS12}, false, [2]time.Duration{0, ticketWithin}},
		"wants none":      {&tls.Config{ClientAuth: tls.NoClientCert}, false, [2]time.Duration{0, ticketWithin}},
		"refuses, TLS 1.2": {&tls.Config{VerifyPeerCertificate: refuse, MaxVersion: tls.VersionTLS12}, true,
			[2]time.Duration{slow, ticketWithin}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := c.server
			server.Certificates = []tls.Certificate{cert}
			if name != "wants none" {
				server.ClientAuth = tls.RequireAnyClientCert
			}
			l, err := tls.Listen("tcp", rig.FreePort(t), server)
			if err != nil {
				t.Fatal(err)
			}
			got := make(chan string, 10)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					b := make([]byte, 1)
					if _, err := io.ReadFull(conn, b); err == nil {
						got <- string(b)
						io.Copy(io.Discard, conn)
					}
					conn.Close()
				}
			}()
			t.Cleanup(func() { l.Close(); <-ended })
			s := open(t, Config{Address: l.Addr().String(), TLS: &sink.TLS{CA: sink.File(authority.CA),
				Cert: sink.File(right.Cert), Key: sink.File(right.Key)}})
			began := time.Now()
			res := s.Write(t.Context(), testlog.Records(0, 3))
			if took := time.Since(began); took < c.between[0] || took > c.between[1] {
				t.Errorf("it took %v, want %v", took, c.between)
			}
			if !c.refused {
				if res.Err != nil || len(res.Retry) > 0 || <-got == "" {
					t.Errorf("%+v", res)
				}
				return
			}
			if len(res.Retry) != 3 || res.Err == nil || !strings.Contains(res.Err.Error(), "bad certificate") {
				t.Errorf("%+v", res)
			}
		})
	}
}
