package cli

import (
	"testing"
	"time"
)

func TestExpiry(t *testing.T) {
	for in, want := range map[string]string{
		"90m":                 "1h30m",
		"gauge=5m":            "counter=1h,gauge=5m,histogram=1h,set=1h",
		"2h, counter=7d":      "counter=7d,gauge=2h,histogram=2h,set=2h",
		"set=1s,histogram=1m": "counter=1h,gauge=1h,histogram=1m,set=1s",
		"":                    "",
		"0":                   "",
		"999ms":               "",
		"timer=1h":            "",
		"gauge=":              "",
		"gauge=1h,-5m":        "",
	} {
		e := expiry{&Expiry{time.Hour, time.Hour, time.Hour, time.Hour}}
		err := e.Set(in)
		if want == "" {
			if err == nil || e.String() != "1h" {
				t.Errorf("%q is taken: %v", in, e)
			}
			continue
		}
		again := expiry{new(Expiry)}
		if err != nil || e.String() != want || again.Set(want) != nil || *again.of != *e.of {
			t.Errorf("%q: %v, %v, want %s", in, e, err, want)
		}
	}
}
