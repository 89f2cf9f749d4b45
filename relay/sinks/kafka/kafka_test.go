package kafka

import (
	"testing"

	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// Package bench/sinks delivers to a real Kafka.

func TestCheck(t *testing.T) {
	ok := Config{Brokers: sink.StringList{"a:9092"}, Topic: "logs"}
	if err := ok.Check(); err != nil || ok.Compression != "zstd" || ok.MaxMessage != 1_000_000 {
		t.Errorf("%+v, %v", ok, err)
	}
	for _, bad := range []Config{
		{}, {Brokers: sink.StringList{"a"}, Topic: "t"}, {Brokers: sink.StringList{"a:1"}, Topic: "t", Key: "x"},
		{Brokers: sink.StringList{"a:1"}, Topic: "t", Compression: "x"},
		{Brokers: sink.StringList{"a:1"}, Topic: "t", MaxMessage: 1},
		{Brokers: sink.StringList{"a:1"}, Topic: "t", SASL: "plain"},
		{Brokers: sink.StringList{"a:1"}, Topic: "t", SASL: "x", User: "u"},
		{Brokers: sink.StringList{"a:1"}, Topic: "t", Password: "/missing"},
	} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

// Records of one container have one key, and those of no container that of their unit.
func TestKey(t *testing.T) {
	s := &topic{cfg: &Config{Key: "container"}}
	if got := s.key(testlog.Record(1, "x")); got != "node-1/web-1" {
		t.Error(got)
	}
	e := testlog.Record(1, "x")
	e.Entry.Origin = [8]string{}
	if got := s.key(e); got != "node-1/web.service" {
		t.Error(got)
	}
	if got := s.key(testlog.Event()); got != "node-1/daytwo" {
		t.Error(got)
	}
	s.cfg.Key = "agent"
	if got := s.key(e); got != "node-1" {
		t.Error(got)
	}
}
