package sinks

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// encrypted returns a sink of a target's kind for an address, with settings of TLS.
func encrypted(t *testing.T, g *target, address, tls string) sink.Sink {
	t.Helper()
	config := strings.Replace(fmt.Sprintf(g.config, address), "http:", "https:", 1)
	return parsed(t, strings.TrimSuffix(config, "}")+", tls: {"+tls+"}}")
}

// parsed returns a sink with a configuration.
func parsed(t *testing.T, config string) sink.Sink {
	t.Helper()
	f, err := sinks.Parse([]byte("sinks:\n  - name: x\n" + indent(config, "    ")))
	if err != nil {
		t.Fatal(err)
	}
	types := reflect.ValueOf(f.Sinks[0].Types)
	for i := range types.NumField() {
		if v := types.Field(i); !v.IsNil() {
			return open(t, v.Interface().(kind))
		}
	}
	t.Fatal("no type")
	return nil
}

// A receiver whose certificate is right gets logs over TLS. Any other gets none, and the error
// says what to do.
func (r *receivers) testTLS(t *testing.T) {
	soon, other := time.Now().Add(time.Hour), rig.NewAuthority(t)
	right := r.authority.Issue("127.0.0.1", soon)
	expired := r.authority.Issue("127.0.0.1", time.Now().Add(-time.Hour))
	elsewhere := r.authority.Issue("elsewhere.test", soon)
	ca := "ca_file: " + r.authority.CA
	client := func(p rig.Pair) string { return fmt.Sprintf("%s, cert_file: %s, key_file: %s", ca, p.Cert, p.Key) }
	for _, g := range r.all {
		if g.name == "victorialogs" {
			continue // it is of the same kind as another one
		}
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			var protocols []string
			if g.name == "otlp-grpc" {
				protocols = []string{"h2"}
			}
			backend := g.address
			if g == r.kafka.target {
				backend = r.kafka.encrypted
			}
			proxy := func(p rig.Pair, clients string) string {
				return rig.NewTLSProxy(t, backend, p, clients, protocols...).Address
			}
			good, strict := proxy(right, ""), proxy(right, r.authority.CA)
			named := proxy(elsewhere, "")
			if g == r.kafka.target {
				good = r.tlsKafka // it tells clients of this address
			}
			line := 100_000
			for name, c := range map[string]struct{ address, tls, says string }{
				"right":              {good, ca, ""},
				"any":                {good, "insecure: true", ""},
				"system":             {good, "", "ca_file of tls"},
				"other authority":    {good, "ca_file: " + other.CA, "ca_file of tls"},
				"expired":            {proxy(expired, ""), ca, "renew the receiver's certificate"},
				"other name":         {named, ca, "server_name of tls"},
				"name given":         {named, ca + ", server_name: elsewhere.test", ""},
				"wrong name given":   {good, ca + ", server_name: elsewhere.test", "server_name of tls"},
				"client":             {strict, client(r.authority.Issue("relay", soon)), ""},
				"no client":          {strict, ca, "cert_file and key_file of tls"},
				"other client":       {strict, client(other.Issue("relay", soon)), "cert_file of tls"},
				"no TLS at receiver": {g.address, ca, "TLS at this address"},
			} {
				if name == "name given" && g == r.kafka.target {
					continue // which tells clients of an address with another name
				}
				s := encrypted(t, g, c.address, c.tls)
				line += 10
				batch := testlog.Records(line, 3)
				if c.says == "" {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					delivered(t, s.Write(ctx, batch))
					if err := s.Test(ctx); err != nil {
						t.Errorf("%s: the test says %v", name, err)
					}
					cancel()
					continue
				}
				// Which of its errors a connection shows that a receiver refuses depends on who is faster.
				rig.Eventually(t, 20*time.Second, func() error {
					ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
					res := s.Write(ctx, batch)
					cancel()
					if len(res.Retry) != 3 || res.Err == nil {
						t.Fatalf("%s: %+v", name, res)
					}
					ctx, cancel = context.WithTimeout(t.Context(), 1500*time.Millisecond)
					defer cancel()
					for _, err := range []error{sink.Explain(res.Err), sink.Explain(s.Test(ctx))} {
						if err == nil || !strings.Contains(err.Error(), c.says) && !g.silent(name) {
							return fmt.Errorf("%s: %v does not say %q", name, err, c.says)
						}
					}
					return nil
				})
			}
			plain := parsed(t, fmt.Sprintf(g.config, good))
			rig.Eventually(t, 20*time.Second, func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
				defer cancel()
				res := plain.Write(ctx, testlog.Records(line+10, 3))
				if len(res.Retry) == 3 && res.Err != nil {
					return nil
				}
				err := fmt.Errorf("without TLS: %+v", res)
				if g.name != "rsyslog" { // which answers nothing: it may close the connection a moment later
					t.Fatal(err)
				}
				return err
			})
		})
	}
}

// silent reports whether a receiver does not let a client know what is wrong.
func (g *target) silent(name string) bool {
	return name == "no TLS at receiver" && (g.name == "redis" || g.name == "kafka") ||
		strings.Contains(name, "client") && g.name == "otlp-grpc"
}
