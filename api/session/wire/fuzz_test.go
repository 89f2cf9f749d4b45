package wire

import (
	"reflect"
	"testing"

	"github.com/daytwo/daytwo/api/session"
)

// What is read as a message is read again as the same one after it is written.
func FuzzParse(f *testing.F) {
	for _, m := range messages() {
		f.Add(Append(nil, &m))
	}
	f.Add(AppendAttach(nil, &Hello{Client: "c", Name: "n"}))
	f.Add(AppendStarted(nil, &Start{Session: "s", PTYFrom: "host"}))
	f.Add(AppendWriter(nil, &Write{Name: "n"}))
	f.Add(AppendExit(nil, &session.Exit{Code: 130, Signal: 2, Detail: "d"}))
	f.Add(AppendStatus(nil, &State{Writer: "w"}))
	f.Fuzz(func(t *testing.T, p []byte) {
		m, n, err := Parse(p)
		if err != nil || n == 0 {
			return
		}
		if n > len(p) || len(m.Data) > MaxMessage {
			t.Fatalf("%d bytes of %d, %d of data", n, len(p), len(m.Data))
		}
		again, _, err := Parse(Append(nil, &m))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v is read again as %+v, %v", m, again, err)
		}
		_, _ = ParseAttach(m.Data)
		_, _ = ParseStarted(m.Data)
		_, _ = ParseWriter(m.Data)
		_, _ = ParseExit(m.Data)
		_, _ = ParseStatus(m.Data)
	})
}

// A decoder returns the same messages however the bytes are cut.
func FuzzDecoder(f *testing.F) {
	var all []byte
	for _, m := range messages()[3:] {
		all = Append(all, &m)
	}
	f.Add(all, uint16(1), uint16(7))
	f.Fuzz(func(t *testing.T, p []byte, a, b uint16) {
		read := func(cut int) (out []Message, err error) {
			var d Decoder
			cut = min(cut, len(p))
			for _, piece := range [][]byte{p[:cut], p[cut:]} {
				piece = append([]byte(nil), piece...)
				d.Feed(piece)
				for {
					m, ok, err := d.Next()
					if err != nil {
						return out, err
					}
					if !ok {
						break
					}
					m.Data = append([]byte(nil), m.Data...)
					out = append(out, m)
				}
				clear(piece) // the decoder must not need it any more
			}
			return out, nil
		}
		want, wantErr := read(0)
		for _, cut := range []int{int(a), int(b)} {
			if got, err := read(cut); err != wantErr || !reflect.DeepEqual(got, want) {
				t.Fatalf("cut after %d bytes: %d messages, %v; want %d, %v", cut, len(got), err, len(want), wantErr)
			}
		}
	})
}
