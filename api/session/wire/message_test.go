package wire

import (
	"bytes"
	"io"
	"math"
	"reflect"
	"testing"
	"testing/iotest"

	"github.com/daytwo/daytwo/api/session"
)

// messages has one of each type.
func messages() []Message {
	return []Message{
		{Type: Data, Stream: Stdout, Offset: 1 << 40, Data: []byte("hello\x00\xff")},
		{Type: Data, Stream: Stdin, Data: bytes.Repeat([]byte("x"), MaxData)},
		{Type: Data, Stream: Stderr, Offset: 7},
		{Type: End, Stream: Stdin, Offset: 300},
		{Type: Credit, Stream: Stderr, Offset: 5, Window: 65536},
		{Type: Gap, Stream: Stdout, Offset: 5, To: 500},
		{Type: Resize, Rows: 57, Cols: 203}, {Type: Resize, Rows: math.MaxUint16},
		{Type: Signal, Number: 15}, {Type: Done}, {Type: Detach}, {Type: Claim, Number: 1}, {Type: Yield},
		{Type: Ping, Number: math.MaxUint64}, {Type: Pong, Number: 1},
		{Type: Kill, Number: 2, Data: []byte("alice")},
		{Type: 200, Data: []byte("of a later version")},
	}
}

func TestRoundTrip(t *testing.T) {
	for _, want := range messages() {
		b := Append([]byte("before"), &want)[len("before"):]
		got, n, err := Parse(append(b, "after"...))
		if err != nil || n != len(b) || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\nis read as %+v, %d of %d bytes, %v", want, got, n, len(b), err)
		}
		for i := range b {
			if _, n, err := Parse(b[:i]); n != 0 || err != nil {
				t.Errorf("the first %d of %d bytes of type %d: %d bytes, %v", i, len(b), want.Type, n, err)
			}
		}
	}
}

func TestDataHead(t *testing.T) {
	m := Message{Type: Data, Stream: Stderr, Offset: 70000, Data: []byte("some bytes")}
	got := append(AppendDataHead(nil, m.Stream, m.Offset, len(m.Data)), m.Data...)
	if want := Append(nil, &m); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestMalformed(t *testing.T) {
	for name, b := range map[string][]byte{
		"data without an offset":        {byte(Data), 1, 1},
		"data of an unknown stream":     {byte(Data), 3, 3, 0, 'x'},
		"data beyond the last offset":   append([]byte{byte(Data), 13, 1}, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01xy"...),
		"end with bytes":                {byte(End), 3, 1, 0, 'x'},
		"credit without a window":       {byte(Credit), 2, 1, 0},
		"a gap that ends before itself": {byte(Gap), 3, 1, 5, 4},
		"resize to 65536 rows":          {byte(Resize), 4, 0x80, 0x80, 4, 1},
		"done with bytes":               {byte(Done), 1, 0},
		"a length that never ends":      {byte(Data), 0x80, 0x80, 0x80, 0x80},
		"a length of a gigabyte":        {byte(Data), 0x80, 0x80, 0x80, 0x80, 4, 0},
		"one byte too long":             append([]byte{byte(Data), 0x83, 0x80, 2, 1, 0}, make([]byte, MaxData+1)...),
	} {
		if m, n, err := Parse(b); err != ErrMalformed {
			t.Errorf("%s: %+v, %d bytes, %v", name, m, n, err)
		}
	}
}

func TestDecoderInPieces(t *testing.T) {
	var all []byte
	for _, m := range messages() {
		all = Append(all, &m)
	}
	for name, r := range map[string]io.Reader{
		"at once": bytes.NewReader(all), "by byte": iotest.OneByteReader(bytes.NewReader(all)),
		"by halves": iotest.HalfReader(bytes.NewReader(all)), "with its end": iotest.DataErrReader(bytes.NewReader(all)),
	} {
		reader := NewReader(r, 1000)
		for _, want := range messages() {
			if got, err := reader.Next(); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: type %d, %v; want %d", name, got.Type, err, want.Type)
			}
		}
		if _, err := reader.Next(); err != io.EOF {
			t.Errorf("%s: at the end: %v", name, err)
		}
	}
	reader := NewReader(bytes.NewReader(all[:len(all)-1]), 1000)
	for range len(messages()) - 1 {
		if _, err := reader.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := reader.Next(); err != io.ErrUnexpectedEOF {
		t.Errorf("a message that is cut off: %v", err)
	}
}

func TestBodies(t *testing.T) {
	hello := Hello{Write: true, Client: "c1", Name: "alice"}
	hello.Out[Stdout].Offset, hello.Out[Stdout].Window, hello.Out[Stderr].Offset = FromNow, 65536, FromOldest
	start := Start{Session: "s", TTY: true, PTYFrom: "container", Entered: "container 12ab", PID: 77, Begun: 1 << 60,
		Stdin: 3, Window: 4, Rows: 5, Cols: 6, Stdout: 7, Stderr: 8}
	write := Write{You: true, Name: "bob", Offset: 99}
	exit := session.Exit{Code: 137, Signal: 9, Reason: session.Killed, Detail: "by carol"}
	state := State{Clients: 2, Writer: "bob", Bytes: [Streams]uint64{1, 2, 3}, Ended: true, Last: 5}
	check := func(typ Type, b []byte, want any, parse func([]byte) (any, error)) {
		t.Helper()
		m, n, err := Parse(b)
		if err != nil || n != len(b) || m.Type != typ {
			t.Fatalf("type %d: %+v, %v", typ, m, err)
		}
		if got, err := parse(m.Data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("type %d: %+v, %v; want %+v", typ, got, err, want)
		}
		if got, err := parse(append(m.Data[:len(m.Data):len(m.Data)], 1, 2, 3)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("type %d with further fields: %+v, %v", typ, got, err)
		}
		if _, err := parse(m.Data[:len(m.Data)-1]); err != ErrMalformed {
			t.Errorf("type %d cut off: %v", typ, err)
		}
	}
	check(Attach, AppendAttach(nil, &hello), hello, func(b []byte) (any, error) { return ParseAttach(b) })
	check(Started, AppendStarted(nil, &start), start, func(b []byte) (any, error) { return ParseStarted(b) })
	check(Writer, AppendWriter(nil, &write), write, func(b []byte) (any, error) { return ParseWriter(b) })
	check(Exit, AppendExit(nil, &exit), exit, func(b []byte) (any, error) { return ParseExit(b) })
	check(Status, AppendStatus(nil, &state), state, func(b []byte) (any, error) { return ParseStatus(b) })
}
