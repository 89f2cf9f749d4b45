package sessions

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// message makes a message of fields: an int or a bool is a number, a string or bytes are bytes.
func message(fields ...any) []byte {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		num := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			b = appendNumber(b, num, uint64(v))
		case string:
			b = appendMessage(b, num, []byte(v))
		case []byte:
			b = appendMessage(b, num, v)
		}
	}
	return b
}

var id = message(1, "u-1", 2, message(1, "c-1"))

// same are calls in both encodings.
var same = map[string]struct {
	json  string
	proto []byte
	want  call
}{
	"launch": {
		`{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{
			"container_id":{"value":"u-1","parent":{"value":"c-1"}},
			"command":{"value":"ls","arguments":["ls","-l"],"shell":false,"user":"www",
				"environment":{"variables":[{"name":"TERM","type":"VALUE","value":"xterm"}]}},
			"container":{"type":"MESOS","tty_info":{"window_size":{"rows":5,"columns":7}}}}}`,
		message(1, 17, 9, message(1, id,
			2, message(3, "ls", 6, 0, 7, "ls", 7, "-l", 5, "www", 2, message(1, message(1, "TERM", 2, "xterm", 3, 1))),
			3, message(1, 2, 10, message(1, message(1, 5, 2, 7))))),
		call{kind: launchSession, container: containerID{"u-1", "c-1"}, command: command{value: "ls", hasValue: true,
			arguments: []string{"ls", "-l"}, user: "www", env: []string{"TERM=xterm"}, tty: true, rows: 5, cols: 7}},
	},
	"a shell's": { // as DC/OS' integration tests ask
		`{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{"command":{"value":"cat"},
			"container_id":{"value":"debug-1","parent":{"value":"c","parent":{"value":"p"}}}}}`,
		message(1, 17, 9, message(2, message(3, "cat"), 1, message(1, "debug-1", 2, message(1, "c", 2, message(1, "p"))))),
		call{kind: launchSession, container: containerID{"debug-1", "p.c"},
			command: command{value: "cat", hasValue: true, shell: true}},
	},
	"input": {
		`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"CONTAINER_ID",
			"container_id":{"value":"u-1","parent":{"value":"c-1"}}}}`,
		message(1, 18, 10, message(1, 1, 2, id)),
		call{kind: attachInput, container: containerID{"u-1", "c-1"}},
	},
	"bytes": {
		`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"PROCESS_IO",
			"process_io":{"type":"DATA","data":{"type":"STDIN","data":"bWVvdw=="}}}}`,
		message(1, 18, 10, message(1, 2, 3, message(1, 1, 2, message(1, 1, 2, "meow")))),
		call{kind: attachInput, input: &processIO{kind: ioData, stream: stdin, data: []byte("meow")}},
	},
	"no more bytes": {
		`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"PROCESS_IO",
			"process_io":{"type":"DATA","data":{"type":"STDIN","data":""}}}}`,
		message(1, 18, 10, message(1, 2, 3, message(1, 1, 2, message(1, 1, 2, "")))),
		call{kind: attachInput, input: &processIO{kind: ioData, stream: stdin, data: []byte{}}},
	},
	"bytes that are no input": {
		`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"PROCESS_IO",
			"process_io":{"type":"DATA","data":{"type":"STDOUT","data":"bWVvdw=="}}}}`,
		message(1, 18, 10, message(1, 2, 3, message(1, 1, 2, message(1, 2, 2, "meow")))),
		call{kind: attachInput, input: &processIO{}},
	},
	"size": {
		`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"PROCESS_IO",
			"process_io":{"type":"CONTROL","control":{"type":"TTY_INFO",
				"tty_info":{"window_size":{"rows":57,"columns":203}}}}}}`,
		message(1, 18, 10, message(1, 2, 3, message(1, 2, 3, message(1, 1, 2, message(1, message(1, 57, 2, 203)))))),
		call{kind: attachInput, input: &processIO{kind: ioSize, rows: 57, cols: 203}},
	},
	"no size": {
		`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"PROCESS_IO",
			"process_io":{"type":"CONTROL","control":{"type":"TTY_INFO","tty_info":{"window_size":{"rows":0,"columns":0}}}}}}`,
		message(1, 18, 10, message(1, 2, 3, message(1, 2, 3, message(1, 1, 2, message(1, message(1, 0, 2, 0)))))),
		call{kind: attachInput, input: &processIO{kind: ioSize}},
	},
	"heartbeat": {
		`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"PROCESS_IO","process_io":{"type":"CONTROL",
			"control":{"type":"HEARTBEAT","heartbeat":{"interval":{"nanoseconds":30000000000}}}}}}`,
		message(1, 18, 10, message(1, 2, 3, message(1, 2, 3, message(1, 2, 3, message(1, message(1, 30_000_000_000)))))),
		call{kind: attachInput, input: &processIO{kind: ioHeartbeat}},
	},
	"output": {
		`{"type":"ATTACH_CONTAINER_OUTPUT","attach_container_output":{"container_id":{"value":"c-1"}},"later":[1]}`,
		append(message(1, 19, 11, message(1, message(1, "c-1"))), message(99, "later")...),
		call{kind: attachOutput, container: containerID{parent: "c-1"}},
	},
	"wait": {
		`{"type":"WAIT_CONTAINER","wait_container":{"container_id":{"value":"u-1","parent":{"value":"c-1"}}}}`,
		message(1, 23, 14, message(1, id)),
		call{kind: waitContainer, container: containerID{"u-1", "c-1"}},
	},
}

func TestCalls(t *testing.T) {
	for name, c := range same {
		for enc, b := range map[encoding][]byte{asJSON: []byte(c.json), asProtobuf: c.proto} {
			got, err := enc.parse(b)
			if err != nil || !reflect.DeepEqual(*got, c.want) {
				t.Errorf("%s as %v: %+v, %v; want %+v", name, enc, got, err, c.want)
			}
		}
	}
}

func TestBadCalls(t *testing.T) {
	deep := strings.Repeat(`{"value":"x","parent":`, maxDepth) + `{"value":"x"}` + strings.Repeat("}", maxDepth)
	deepProto := message(1, "x")
	for range maxDepth {
		deepProto = message(1, "x", 2, deepProto)
	}
	launch := func(id, command string) string {
		return `{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{"container_id":` + id +
			`,"command":` + command + `}}`
	}
	for _, text := range []string{``, `{`, `[]`, `{}`, `{"type":"GET_STATE"}`, `{"type":17}`,
		`{"type":"WAIT_CONTAINER"}`, `{"type":"WAIT_CONTAINER","wait_container":{}}`,
		`{"type":"WAIT_CONTAINER","wait_container":{"container_id":{"value":""}}}`,
		`{"type":"WAIT_CONTAINER","wait_container":{"container_id":{"value":"a b"}}}`,
		`{"type":"WAIT_CONTAINER","wait_container":{"container_id":{"value":"` + strings.Repeat("a", 256) + `"}}}`,
		`{"type":"WAIT_CONTAINER","wait_container":{"container_id":` + deep + `}}`,
		launch(`{"value":"c"}`, `{"value":"ls"}`), // it has no parent
		launch(`{"value":"u","parent":{"value":"c"}}`, `null`),
		launch(`{"value":"u","parent":{"value":"c"}}`,
			`{"value":"ls","environment":{"variables":[{"name":"A","type":"SECRET"}]}}`),
		`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"PROCESS_IO"}}`,
		`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"OTHER"}}`,
		`{"type":"ATTACH_CONTAINER_INPUT","attach_container_input":{"type":"PROCESS_IO",
			"process_io":{"type":"DATA","data":{"type":"STDIN","data":"no base64"}}}}`,
	} {
		if got, err := parseJSON([]byte(text)); err == nil {
			t.Errorf("%.100s: %+v", text, got)
		}
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "half a tag": {0x80}, "a length beyond the end": {0x0a, 5, 'x'}, "no message": message(1, 23),
		"another call": message(1, 9), "no id": message(1, 23, 14, ""), "an empty id": message(1, 23, 14, message(1, "")),
		"deep": message(1, 23, 14, message(1, deepProto)), "no parent": message(1, 17, 9, message(1, message(1, "c"))),
		"a secret": message(1, 17, 9, message(1, id, 2, message(3, "ls", 2, message(1, message(1, "A", 3, 2))))),
		"no input": message(1, 18, 10, message(1, 2)), "input of nothing": message(1, 18, 10, ""),
		"a broken id": message(1, 23, 14, message(1, []byte{0x0a, 9})),
	} {
		if got, err := parseProto(b); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestCommands(t *testing.T) {
	for name, c := range map[string]struct {
		command command
		args    []string
		env     []string
	}{
		"a shell's":      {command{value: "a | b", hasValue: true, shell: true}, []string{"/bin/sh", "-c", "a | b"}, nil},
		"with arguments": {command{value: "ls", hasValue: true, arguments: []string{"ls", "-l"}}, []string{"ls", "-l"}, nil},
		"another argv0":  {command{value: "/bin/ls", hasValue: true, arguments: []string{"x"}}, []string{"/bin/ls"}, nil},
		"no arguments":   {command{value: "ls", hasValue: true}, []string{"ls"}, nil},
		"no value":       {command{arguments: []string{"ls", "-l"}}, []string{"ls", "-l"}, nil},
		"a terminal":     {command{value: "ls", hasValue: true, tty: true}, []string{"ls"}, []string{"TERM=xterm"}},
		"a type of terminal": {command{value: "ls", hasValue: true, tty: true, env: []string{"TERM=vt100"}},
			[]string{"ls"}, []string{"TERM=vt100"}},
	} {
		got, err := c.command.session()
		if err != nil || !slices.Equal(got.Args, c.args) || !slices.Equal(got.Env, c.env) || !got.Stdin ||
			got.TTY != c.command.tty {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, c := range map[string]command{"nothing": {}, "a shell without a command": {shell: true},
		"a zero byte":            {value: "a\x00", hasValue: true},
		"a name without a value": {value: "a", hasValue: true, env: []string{"="}},
	} {
		if got, err := c.session(); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, c := range same {
		f.Add([]byte(c.json))
	}
	f.Fuzz(func(t *testing.T, b []byte) { check(t, parseJSON, b) })
}

func FuzzProto(f *testing.F) {
	for _, c := range same {
		f.Add(c.proto)
	}
	f.Fuzz(func(t *testing.T, b []byte) { check(t, parseProto, b) })
}

// check checks what every call has that was decoded.
func check(t *testing.T, parse func([]byte) (*call, error), b []byte) {
	c, err := parse(b)
	if err != nil {
		return
	}
	switch {
	case !c.kind.known():
		t.Fatalf("an unknown call: %+v", c)
	case c.input != nil && (c.kind != attachInput || c.container != containerID{}):
		t.Fatalf("input and more: %+v", c)
	case c.input == nil && (c.container.parent == "" || len(c.container.nested) > maxID):
		t.Fatalf("no container: %+v", c)
	case c.kind == launchSession && c.container.nested == "":
		t.Fatalf("a session in no container: %+v", c)
	}
	_, _ = c.command.session()
}
