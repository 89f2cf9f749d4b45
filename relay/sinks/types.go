package sinks

import (
	"errors"
	"fmt"
	"strings"

	"github.com/daytwo/daytwo/relay/sinks/elasticsearch"
	"github.com/daytwo/daytwo/relay/sinks/file"
	"github.com/daytwo/daytwo/relay/sinks/fluentd"
	"github.com/daytwo/daytwo/relay/sinks/kafka"
	"github.com/daytwo/daytwo/relay/sinks/loki"
	"github.com/daytwo/daytwo/relay/sinks/otlp"
	"github.com/daytwo/daytwo/relay/sinks/redis"
	"github.com/daytwo/daytwo/relay/sinks/splunk"
	"github.com/daytwo/daytwo/relay/sinks/syslog"
)

// Types has one field a kind of receiver, of which a sink sets one.
type Types struct {
	Elasticsearch *elasticsearch.Config `yaml:"elasticsearch"`
	File          *file.Config          `yaml:"file"`
	Fluentd       *fluentd.Config       `yaml:"fluentd"`
	Kafka         *kafka.Config         `yaml:"kafka"`
	Loki          *loki.Config          `yaml:"loki"`
	OTLP          *otlp.Config          `yaml:"otlp"`
	Redis         *redis.Config         `yaml:"redis"`
	Splunk        *splunk.Config        `yaml:"splunk"`
	Syslog        *syslog.Config        `yaml:"syslog"`
}

// typ returns the one type that is set, and its name.
func (t *Types) typ() (string, Type, error) {
	var names []string
	var found Type
	for _, c := range []struct {
		name string
		set  bool
		typ  Type
	}{
		{"elasticsearch", t.Elasticsearch != nil, t.Elasticsearch},
		{"file", t.File != nil, t.File},
		{"fluentd", t.Fluentd != nil, t.Fluentd},
		{"kafka", t.Kafka != nil, t.Kafka},
		{"loki", t.Loki != nil, t.Loki},
		{"otlp", t.OTLP != nil, t.OTLP},
		{"redis", t.Redis != nil, t.Redis},
		{"splunk", t.Splunk != nil, t.Splunk},
		{"syslog", t.Syslog != nil, t.Syslog},
	} {
		if c.set {
			names, found = append(names, c.name), c.typ
		}
	}
	switch len(names) {
	case 0:
		return "", nil, errors.New("it has no receiver: give elasticsearch, file, fluentd, kafka, loki, otlp, redis, " +
			"splunk or syslog, with its settings below it")
	case 1:
		return names[0], found, nil
	}
	return "", nil, fmt.Errorf("it has the receivers %s: give each a sink of its own", strings.Join(names, " and "))
}
