package otlp

import (
	"strings"
	"time"
	"unicode/utf8"

	collogs "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	logs "go.opentelemetry.io/proto/slim/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

type (
	request  = collogs.ExportLogsServiceRequest
	response = collogs.ExportLogsServiceResponse
)

// severities are OpenTelemetry's numbers of the syslog priorities (logs data model, appendix
// B, "Syslog").
var severities = [8]logs.SeverityNumber{21, 19, 18, 17, 13, 10, 9, 5}

// encode returns a request with the records, by resource: a run of records of the same
// container is one.
func encode(batch []*sink.Record) *request {
	req := &request{}
	var scope *logs.ScopeLogs
	last := ""
	for _, r := range batch {
		key := r.Agent + "\x00" + r.Container() + "\x00" + r.Unit() + "\x00" + r.Tag("container_id")
		if scope == nil || key != last {
			last = key
			scope = &logs.ScopeLogs{Scope: &common.InstrumentationScope{Name: "daytwo"}}
			req.ResourceLogs = append(req.ResourceLogs,
				&logs.ResourceLogs{Resource: resourceOf(r), ScopeLogs: []*logs.ScopeLogs{scope}})
		}
		scope.LogRecords = append(scope.LogRecords, record(r))
	}
	return req
}

// resourceOf returns where a record comes from, by OpenTelemetry's semantic conventions.
func resourceOf(r *sink.Record) *resource.Resource {
	res := &resource.Resource{}
	add := func(name, value string) {
		if value != "" {
			res.Attributes = append(res.Attributes, text(name, value))
		}
	}
	service := r.Container()
	if service == "" {
		service = strings.TrimSuffix(r.Unit(), ".service")
	}
	add("service.name", service)
	add("host.name", r.Host())
	add("host.id", r.Agent)
	add("container.id", r.Tag("container_id"))
	add("container.name", r.Container())
	add("systemd.unit", r.Unit())
	for _, tag := range metric.OriginTags {
		add("daytwo."+tag, r.Tag(tag))
	}
	return res
}

func record(r *sink.Record) *logs.LogRecord {
	rec := &logs.LogRecord{
		TimeUnixNano: uint64(r.Time().UnixNano()), ObservedTimeUnixNano: uint64(time.Now().UnixNano()),
		SeverityNumber: severities[r.Priority()], SeverityText: r.Level(), Body: value(r.Message()),
		Attributes: []*common.KeyValue{text("log.record.uid", r.ID)},
	}
	if r.Cut > 0 {
		rec.Attributes = append(rec.Attributes, number("cut", int64(r.Cut)))
	}
	if ev := r.Event; ev != nil {
		rec.Attributes = append(rec.Attributes, text("event", string(ev.Kind)))
		if ev.Count > 0 {
			rec.Attributes = append(rec.Attributes, number("count", int64(ev.Count)))
		}
		if ev.Source != "" {
			rec.Attributes = append(rec.Attributes, text("source", ev.Source))
		}
		return rec
	}
	rec.Attributes = append(rec.Attributes, text("cursor", entry.CursorID(r.Entry.Cursor)))
	return withFields(rec, r.Entry.Fields)
}

// withFields adds the fields of an entry as attributes "journal.NAME". One that occurs
// several times is an array; of MESSAGE the body is the first.
func withFields(rec *logs.LogRecord, fields []entry.Field) *logs.LogRecord {
	at := map[string]*common.KeyValue{}
	messages := 0
	for _, f := range fields {
		if f.Name == "MESSAGE" {
			if messages++; messages == 1 {
				continue
			}
		}
		v := value(f.Value)
		kv := at[f.Name]
		if kv == nil {
			kv = &common.KeyValue{Key: "journal." + strings.ToValidUTF8(f.Name, "\uFFFD"), Value: v}
			at[f.Name] = kv
			rec.Attributes = append(rec.Attributes, kv)
			continue
		}
		list, ok := kv.Value.Value.(*common.AnyValue_ArrayValue)
		if !ok {
			list = &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{kv.Value}}}
			kv.Value = &common.AnyValue{Value: list}
		}
		list.ArrayValue.Values = append(list.ArrayValue.Values, v)
	}
	return rec
}

// value returns a text, or bytes if it is not UTF-8, which a protobuf string must be.
func value(v []byte) *common.AnyValue {
	if utf8.Valid(v) {
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: string(v)}}
	}
	return &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: v}}
}

func text(name, v string) *common.KeyValue {
	return &common.KeyValue{Key: name, Value: &common.AnyValue{
		Value: &common.AnyValue_StringValue{StringValue: strings.ToValidUTF8(v, "\uFFFD")}}}
}

func number(name string, v int64) *common.KeyValue {
	return &common.KeyValue{Key: name, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v}}}
}
