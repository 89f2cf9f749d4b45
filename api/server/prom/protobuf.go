package prom

import (
	"math"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of io.prometheus.client's messages (client_model's metrics.proto).
const (
	familyName, familyHelp, familyType, familyMetric = 1, 2, 3, 4

	metricLabel                                                     = 1
	metricGauge, metricCounter, metricUntyped, metricHistogramField = 2, 3, 5, 7

	pairName, pairValue = 1, 2
	sampleField         = 1 // of Gauge, Counter and Untyped
)

// protoFamily is a MetricFamily that is being written. Its length comes first, so
// it is buffered until it ends.
type protoFamily struct {
	open    bool
	message protowire.Number // of the values: gauge, counter, …
	body    []byte
	metric  []byte
	inner   []byte
}

var protoTypes = map[string]struct {
	enum    uint64
	message protowire.Number
}{
	"counter": {0, metricCounter}, "gauge": {1, metricGauge}, "untyped": {3, metricUntyped},
	"histogram": {4, metricHistogramField},
}

func (p *writer) protoHeader(name, help, typ string) {
	p.endFamily()
	f := &p.proto
	t := protoTypes[typ]
	f.open, f.message = true, t.message
	f.body = appendProtoString(f.body[:0], familyName, name)
	f.body = appendProtoString(f.body, familyHelp, help)
	f.body = protowire.AppendTag(f.body, familyType, protowire.VarintType)
	f.body = protowire.AppendVarint(f.body, t.enum)
}

// endFamily writes the current family, if there is one.
func (p *writer) endFamily() {
	if !p.proto.open {
		return
	}
	p.proto.open = false
	p.buf = protowire.AppendBytes(p.buf, p.proto.body)
	p.flushLarge()
}

// protoSample appends a metric of one number; labels are texts without braces.
func (p *writer) protoSample(v float64, labels ...string) {
	f := &p.proto
	f.inner = protowire.AppendTag(f.inner[:0], sampleField, protowire.Fixed64Type)
	f.inner = protowire.AppendFixed64(f.inner, math.Float64bits(v))
	p.protoMetric(labels...)
}

// protoMetric appends a metric whose value p.proto.inner holds.
func (p *writer) protoMetric(labels ...string) {
	f := &p.proto
	f.metric = f.metric[:0]
	for _, text := range labels {
		f.metric = appendProtoLabels(f.metric, text)
	}
	f.metric = protowire.AppendTag(f.metric, f.message, protowire.BytesType)
	f.metric = protowire.AppendBytes(f.metric, f.inner)
	f.body = protowire.AppendTag(f.body, familyMetric, protowire.BytesType)
	f.body = protowire.AppendBytes(f.body, f.metric)
}

// appendProtoLabels appends the LabelPairs of a text that appendLabel made.
func appendProtoLabels(dst []byte, text string) []byte {
	for text != "" {
		name, rest, ok := strings.Cut(text, `="`)
		if !ok {
			return dst
		}
		end, escaped := 0, false
		for end < len(rest) && rest[end] != '"' {
			if rest[end] == '\\' {
				escaped = true
				end++
			}
			end++
		}
		value := rest[:min(end, len(rest))]
		if escaped {
			value = unescape.Replace(value)
		}
		size := protowire.SizeTag(pairName) + protowire.SizeBytes(len(name)) + protowire.SizeTag(pairValue) +
			protowire.SizeBytes(len(value))
		dst = protowire.AppendTag(dst, metricLabel, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(size))
		dst = appendProtoString(dst, pairName, name)
		dst = appendProtoString(dst, pairValue, value)
		text = strings.TrimPrefix(rest[min(end+1, len(rest)):], ",")
	}
	return dst
}

var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")

func appendProtoString(dst []byte, field protowire.Number, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, string(utf8.RuneError))
	}
	dst = protowire.AppendTag(dst, field, protowire.BytesType)
	return protowire.AppendString(dst, s)
}
