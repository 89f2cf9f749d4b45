package main

import (
	"context"
	"errors"
	"net"
	"reflect"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/statsdreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
)

// otel is OpenTelemetry's receiver, whose consumer adds up counters.
type otel struct {
	receiver receiver.Metrics
	sum      atomic.Int64
}

func startOtel(addr string) (*otel, error) {
	o := new(otel)
	f := statsdreceiver.NewFactory()
	cfg := f.CreateDefaultConfig().(*statsdreceiver.Config)
	cfg.NetAddr.Endpoint, cfg.AggregationInterval = addr, time.Second
	next, err := consumer.NewMetrics(func(_ context.Context, m pmetric.Metrics) error {
		for i := range m.ResourceMetrics().Len() {
			for j := range m.ResourceMetrics().At(i).ScopeMetrics().Len() {
				metrics := m.ResourceMetrics().At(i).ScopeMetrics().At(j).Metrics()
				for k := range metrics.Len() {
					points := metrics.At(k).Sum().DataPoints()
					for l := range points.Len() {
						o.sum.Add(points.At(l).IntValue())
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	o.receiver, err = f.CreateMetrics(context.Background(), receivertest.NewNopSettings(component.MustNewType("statsd")),
		cfg, next)
	if err != nil {
		return nil, err
	}
	return o, o.receiver.Start(context.Background(), componenttest.NewNopHost())
}

// otelAggregator is what the receiver's parser, which it does not export, can do.
type otelAggregator interface {
	Aggregate(line string, addr net.Addr) error
}

func (o *otel) aggregator() (otelAggregator, error) {
	f := reflect.ValueOf(o.receiver).Elem().FieldByName("parser")
	if !f.IsValid() {
		return nil, errors.New("the receiver has no field parser")
	}
	a, ok := reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem().Interface().(otelAggregator)
	if !ok {
		return nil, errors.New("its parser does not aggregate")
	}
	return a, nil
}
