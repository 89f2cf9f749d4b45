// The program receivers runs receivers of the OpenTelemetry collector side by side, and
// appends each record that comes to a file as a line of JSON. Tests of log sinks start it.
// It is a module of its own, so that the program's own one has none of its dependencies.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/fluentforwardreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/lokireceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/splunkhecreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

var (
	out      = flag.String("out", "", "file to which records are appended")
	token    = flag.String("token", "", "of the HTTP Event Collector")
	hec      = flag.String("hec", "", "address of Splunk's HTTP Event Collector, with acknowledgements")
	otlpHTTP = flag.String("otlp-http", "", "address of OTLP over HTTP")
	otlpGRPC = flag.String("otlp-grpc", "", "address of OTLP over gRPC")
	loki     = flag.String("loki", "", "address of Loki's push API")
	forward  = flag.String("forward", "", "address of Fluentd's Forward protocol")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	w, err := newWriter(*out)
	if err != nil {
		return err
	}
	h, err := newHost(ctx, *token)
	if err != nil {
		return err
	}
	for _, s := range []struct {
		address string
		factory receiver.Factory
		set     func(component.Config)
	}{
		{*hec, splunkhecreceiver.NewFactory(), func(c component.Config) { h.collect(c.(*splunkhecreceiver.Config)) }},
		{*otlpHTTP + *otlpGRPC, otlpreceiver.NewFactory(), func(c component.Config) { otlp(c.(*otlpreceiver.Config)) }},
		{*loki, lokireceiver.NewFactory(), func(c component.Config) {
			l := c.(*lokireceiver.Config)
			l.KeepTimestamp, l.GRPC = true, nil
			serve(l.HTTP, *loki)
		}},
		{*forward, fluentforwardreceiver.NewFactory(), func(c component.Config) {
			c.(*fluentforwardreceiver.Config).ListenAddress = *forward
		}},
	} {
		if s.address == "" {
			continue
		}
		cfg := s.factory.CreateDefaultConfig()
		s.set(cfg)
		next, err := w.of(s.factory.Type().String())
		if err != nil {
			return err
		}
		r, err := s.factory.CreateLogs(ctx, receivertest.NewNopSettings(s.factory.Type()), cfg, next)
		if err == nil {
			err = r.Start(ctx, h)
		}
		if err != nil {
			return fmt.Errorf("%s at %s: %w", s.factory.Type(), s.address, err)
		}
	}
	<-ctx.Done()
	return nil
}

// serve sets where an HTTP server listens, without TLS.
func serve(c *confighttp.ServerConfig, address string) {
	c.NetAddr.Endpoint = address
	c.TLS = configoptional.None[configtls.ServerConfig]()
}

func otlp(c *otlpreceiver.Config) {
	if *otlpHTTP != "" {
		serve(&c.HTTP.GetOrInsertDefault().ServerConfig, *otlpHTTP)
	}
	if *otlpGRPC != "" {
		c.GRPC.GetOrInsertDefault().NetAddr.Endpoint = *otlpGRPC
	}
}
