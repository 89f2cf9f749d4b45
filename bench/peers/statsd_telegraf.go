package main

import (
	_ "unsafe" // for go:linkname: telegraf exports no way to parse one line

	"github.com/influxdata/telegraf/plugins/inputs/statsd"
	"github.com/influxdata/telegraf/plugins/parsers/graphite"
)

//go:linkname telegrafLine github.com/influxdata/telegraf/plugins/inputs/statsd.(*Statsd).parseStatsdLine
func telegrafLine(s *statsd.Statsd, p *graphite.Parser, line string) error

//go:linkname telegrafGraphite github.com/influxdata/telegraf/plugins/inputs/statsd.(*Statsd).newGraphiteParser
func telegrafGraphite(s *statsd.Statsd) (*graphite.Parser, error)
