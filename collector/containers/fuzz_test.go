package containers

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// row composes the identity of a parsed record and checks its labels.
func showRow(t *testing.T, rec *record) {
	checkRow(t, compose(place{}, []*record{rec}, nil, "", nil))
	checkRow(t, compose(place{podUID: rec.labels[podUIDKey], podTop: true}, nil, nil, "", rec))
}

func FuzzEnviron(f *testing.F) {
	f.Add([]byte("PATH=/bin\x00MESOS_TASK_ID=t.1\x00NOMAD_ALLOC_ID=\x00MARATHON_APP_ID=/a/b\x00=x\x00TERM"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := parseEnviron(b)
		for k, v := range m {
			if envNames[k] == "" || v == "" || len(v) > maxEnvValue {
				t.Errorf("%q = %q", k, v)
			}
		}
		env := bytes.Split(b, []byte{0})
		var all []string
		for _, kv := range env {
			all = append(all, string(kv))
		}
		for k, v := range pickEnv(all) {
			if m[k] != v && len(k) < 64 {
				t.Errorf("%s: %q and %q", k, v, m[k])
			}
		}
		showRow(t, &record{id: "c", env: m})
		checkRow(t, compose(place{id: "c"}, nil, &record{id: "c", env: m}, "", nil))
	})
}

func FuzzRuncState(f *testing.F) {
	f.Add([]byte(`{"id":"c1","init_process_pid":8762,"init_process_start":111636,` +
		`"cgroup_paths":{"":"/sys/fs/cgroup/unified/c1"},"config":{"labels":["a=b","bundle=/b","x"]}}`))
	f.Add([]byte(`{"id":"c1","init_process_pid":-1,"config":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if st, _, err := parseRunc("c1", b); err == nil {
			if st.id != "c1" || st.pid < 0 {
				t.Errorf("%+v", st)
			}
			showRow(t, &st.record)
		}
	})
}

func FuzzCrunStatus(f *testing.F) {
	f.Add([]byte(`{"pid":77,"process-start-time":5,"cgroup-path":"/machine.slice/libpod-x.scope/container",` +
		`"bundle":"/b","rootless":false}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if st, _, err := parseCrun("c1", b); err == nil {
			for _, p := range st.paths {
				if !strings.HasPrefix(p, "/") || p == "/" {
					t.Errorf("path %q", p)
				}
			}
			st.labels = annotations(b)
			showRow(t, &st.record)
		}
	})
}

func FuzzPodmanStorage(f *testing.F) {
	f.Add([]byte(`[{"id":"c1","names":["web"],"image":"cbf4","metadata":"{\"image-name\":\"localhost/bb:test\",` +
		`\"name\":\"web\"}"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec := &record{id: "c1"}
		parseStorage("c1", b).name(rec)
		showRow(t, rec)
	})
}

func FuzzInspect(f *testing.F) {
	f.Add([]byte(`{"Id":"` + id64 +
		`","Name":"/web","Image":"sha256:1","State":{"Pid":1},"Config":{"Image":"bb","Labels":{"a":"b"},"Env":["A=b"]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c inspected
		if json.Unmarshal(b, &c) == nil {
			rec := c.record("docker")
			if rec.pid < 0 {
				t.Errorf("pid %d", rec.pid)
			}
			showRow(t, rec)
		}
	})
}

// FuzzProto passes the data to all functions that read protobuf messages.
func FuzzProto(f *testing.F) {
	spec := msg(nil).sub(2, msg(`{"process":{"env":["MESOS_TASK_ID=x"]}}`))
	f.Add([]byte(msg(nil).str(1, "c1").entry(2, "k", "v").str(3, "img").sub(5, spec)))
	f.Add([]byte(msg(nil).str(2, "default").str(3, "/tasks/start").
		sub(4, msg(nil).str(1, "t").sub(2, msg(nil).str(1, "c1").num(2, 7)))))
	f.Add([]byte(msg(nil).str(1, "s").sub(2, msg(nil).str(1, "web").str(2, "uid").str(3, "ns")).entry(5, podNameKey,
		"web")))
	f.Add([]byte(msg(nil).str(1, "c").sub(3, msg(nil).str(1, "n")).sub(4, msg(nil).str(1, "i").str(18, "j")).
		str(5, "ref").entry(8, "k", "v")))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec := &record{space: "default"}
		rec.fromContainer(b)
		showRow(t, rec)
		showRow(t, parseSandbox(b))
		showRow(t, parseContainer(b))
		if ev, err := parseEvent(b); err == nil && len(ev.id) > len(b) {
			t.Error(ev)
		}
	})
}

func FuzzGRPCMessage(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 2, 8, 1})
	f.Add([]byte{0, 255, 255, 255, 255, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := readMessage(bytes.NewReader(b)); err == nil && len(m) > len(b)-5 {
			t.Errorf("%d bytes out of %d", len(m), len(b))
		}
	})
}

func FuzzInotify(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 'a', 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		w := &watch{dirs: map[int32]string{1: "/run/runc"}}
		w.events(b)
		fresh, _ := w.take()
		for _, d := range fresh {
			if len(d) > len(b)+len("/run/runc/") {
				t.Errorf("%q", d)
			}
		}
	})
}
