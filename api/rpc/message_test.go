package rpc

import (
	"bytes"
	"testing"
)

func FuzzParseMessage(f *testing.F) {
	f.Add(appendData(nil, 300, []byte("abc")))
	f.Add(appendCredit(nil, 1<<40, Window))
	f.Add(appendCredit(nil, 1<<40, MaxWindow))
	f.Add(appendEnd(nil, nil))
	f.Add(appendEnd(nil, Errorf(NotFound, "no such task")))
	f.Add([]byte{byte(kindPing)})
	f.Add([]byte{byte(kindStop)})
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := parseMessage(p)
		if err != nil {
			return
		}
		var again []byte
		switch m.kind {
		case kindData:
			again = appendData(nil, m.number, m.data)
		case kindCredit:
			again = appendCredit(nil, m.number, m.window)
		case kindEnd:
			again = appendEnd(nil, m.err)
		default:
			again = []byte{byte(m.kind)}
		}
		back, err := parseMessage(again)
		if err != nil || back.kind != m.kind || back.number != m.number || back.window != m.window ||
			!bytes.Equal(back.data, m.data) ||
			(back.err == nil) != (m.err == nil) || m.err != nil && *back.err != *m.err {
			t.Errorf("%x became %x", p, again)
		}
	})
}
