package dcos

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig/history"
	"github.com/daytwo/daytwo/bench/rig/testtick"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestMesosState(t *testing.T) {
	h := history.New(t)
	h.Put(testtick.Several("a", 1, 1)[0])
	h.Put(testtick.Several("b", 1, 1)[0])
	srv := serve(t, API{Fleet: h.Fleet, Cluster: "c-1"})
	var state struct {
		Hostname            string
		Slaves              []struct{ ID, Hostname, PID string }
		Frameworks          []framework
		CompletedFrameworks []any `json:"completed_frameworks"`
	}
	if code := get(t, srv, "/mesos/master/state.json", &state); code != 200 {
		t.Fatal(code)
	}
	if state.Hostname != "127.0.0.1" || state.CompletedFrameworks == nil || len(state.Slaves) != 2 {
		t.Errorf("%+v", state)
	}
	for _, s := range state.Slaves {
		if !strings.Contains(s.PID, "@") || !strings.Contains(s.PID, ":") {
			t.Errorf("pid %q", s.PID)
		}
	}
	var ids []string
	for _, f := range state.Frameworks {
		for _, tk := range f.Tasks {
			ids = append(ids, tk.ID)
			if tk.SlaveID == "" || len(tk.Statuses) != 1 || tk.Statuses[0].ContainerStatus.ContainerID.Value == "" {
				t.Errorf("%+v", tk)
			}
		}
	}
	slices.Sort(ids)
	if len(ids) != 2 || len(slices.Compact(ids)) != 2 {
		t.Errorf("ids of tasks: %v", ids)
	}
}

func TestMesosCalls(t *testing.T) {
	srv := newTestServer(t, testtick.Now(testtick.New(1, false)))
	for call, field := range map[string]protowire.Number{"\x08\x0a": 10, "\x08\x0b": 11} {
		resp, body := do(t, srv, "POST", "/mesos/api/v1", strings.NewReader(call), "Content-Type", protobufType,
			"Accept", protobufType)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != protobufType {
			t.Fatalf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		list := field2(t, []byte(body), field)
		want := testtick.Agent
		if field == 11 {
			want = "f-0001"
		}
		if !bytes.Contains(list, []byte(want)) {
			t.Errorf("call %x: no %s in %q", call, want, list)
		}
	}
	for body, want := range map[string]int{"": 400, "\xff\xff": 400, "\x08": 400, "\x08\x01": 501,
		"\x12\x00\x08\x0a": 200} {
		if resp, _ := do(t, srv, "POST", "/mesos/api/v1", strings.NewReader(body), "Content-Type",
			protobufType); resp.StatusCode != want {
			t.Errorf("%x: %d, want %d", body, resp.StatusCode, want)
		}
	}
	if resp, _ := do(t, srv, "POST", "/mesos/api/v1", strings.NewReader("{}"), "Content-Type",
		"application/json"); resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d", resp.StatusCode)
	}
}

// field2 is the bytes of a field of a message.
func field2(t *testing.T, b []byte, want protowire.Number) []byte {
	t.Helper()
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal("no message")
		}
		b = b[n:]
		if num == want && typ == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(b)
			return v
		}
		b = b[protowire.ConsumeFieldValue(num, typ, b):]
	}
	t.Fatalf("no field %d", want)
	return nil
}

func FuzzCallType(f *testing.F) {
	f.Add([]byte("\x08\x0a"))
	f.Add([]byte("\x12\x7f"))
	f.Fuzz(func(t *testing.T, b []byte) { callType(b) })
}

func TestSmallDocuments(t *testing.T) {
	srv := newTestServer(t, testtick.New(1, false))
	resp, _ := do(t, srv, "GET", "/capabilities", nil)
	if ct := resp.Header.Get("Content-Type"); ct != "application/vnd.dcos.capabilities+json;charset=utf-8;version=v1" {
		t.Errorf("capabilities: %q", ct)
	}
	for path, want := range map[string]string{
		"/mesos_dns/v1/hosts/master.mesos": `[{"host":"master.mesos.","ip":"127.0.0.1"}]`,
		"/metadata":                        `{"CLUSTER_ID":"c-1","PUBLIC_IPV4":"127.0.0.1"}`,
		"/capabilities":                    `{"capabilities":[]}`,
	} {
		_, body := do(t, srv, "GET", path, nil)
		if strings.TrimSpace(body) != want {
			t.Errorf("%s: %s", path, body)
		}
		if !json.Valid([]byte(body)) {
			t.Errorf("%s is no JSON", path)
		}
	}
}

// A call that is valid is answered up to a size, and refused beyond it.
func TestBodiesAreBounded(t *testing.T) {
	srv := newTestServer(t, testtick.New(1, false))
	for size, want := range map[int]int{512 << 10: http.StatusOK, 2 << 20: http.StatusRequestEntityTooLarge} {
		call := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), callGetAgents)
		call = protowire.AppendBytes(protowire.AppendTag(call, 100, protowire.BytesType), make([]byte, size))
		resp, _ := do(t, srv, "POST", "/mesos/api/v1", bytes.NewReader(call), "Content-Type", protobufType)
		if resp.StatusCode != want {
			t.Errorf("a body of %d bytes: %d, want %d", len(call), resp.StatusCode, want)
		}
	}
}
