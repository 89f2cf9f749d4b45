package bus

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

func TestReplyNumber(t *testing.T) {
	for _, n := range []uint64{0, 1, 0xabcdef0123456789, math.MaxUint64} {
		subject := []byte("_INBOX.x." + strings.Repeat("z", ReplyNumberSize))
		PutReplyNumber(subject, n)
		if got, ok := ReplyNumber(string(subject)); !ok || got != n {
			t.Errorf("%x came back as %x, %v", n, got, ok)
		}
	}
	for _, s := range []string{"", "123", "_INBOX.0123456789abcdeF", "_INBOX.0123456789abcde."} {
		if _, ok := ReplyNumber(s); ok {
			t.Errorf("%q has a number", s)
		}
	}
}

func TestParsePubAck(t *testing.T) {
	check := func(data string, header nats.Header, want string, refused bool) {
		t.Helper()
		err := ParsePubAck(&nats.Msg{Data: []byte(data), Header: header})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || IsRefused(err) != refused {
			t.Errorf("%s: %v, want %q", data, err, want)
		}
	}
	check(`{"stream":"s","seq":7}`, nil, "", false)
	check(`{"error":{"code":400,"err_code":10054,"description":"too large"}}`, nil, "too large (10054)", true)
	check(`{"error":{"code":503,"err_code":10077,"description":"full"},"seq":0}`, nil, "full (10077)", false)
	check(`{"error":{"code":503,"err_code":10077,"description":"write x: no space left on device"}}`, nil,
		"free space on the disk", false)
	check(`{"error":{"code":500,"err_code":10047,"description":"none"}}`, nil,
		"none (10047): free space on the disk", false)
	check(`{"error":`, nil, "unknown answer", false)
	check(`hello`, nil, "unknown answer", false)
	check(``, nats.Header{"Status": {"503"}}, "no stream", false)
	if !errors.Is(ParsePubAck(&nats.Msg{Header: nats.Header{"Status": {"503"}}}), ErrNoStream) {
		t.Error("not ErrNoStream")
	}
}
