package cli

import (
	"strings"
	"testing"
)

func TestSecretParts(t *testing.T) {
	for args, want := range map[string]string{
		"relay --nats nats://a:4222":                "relay --nats nats://a:4222",
		"relay --nats nats://u:p@a:4222":            "relay --nats nats://***@a:4222",
		"relay --nats=tls://u:p/@,@a,tls://v:q@b":   "relay --nats=tls://******@a,tls://***@b",
		"top --token abc --url http://x:abc@b":      "top --token *** --url http://*****@b",
		"top --token=abc":                           "top --token=***",
		"node enroll --code abc --token-file /a@b":  "node enroll --code *** --token-file /a@b",
		"log --since 2026-01-01 user@host.service ": "log --since 2026-01-01 user@host.service ",
	} {
		list := strings.Split(args, " ")
		var got []string
		for i, arg := range list {
			shown := []byte(arg)
			for _, s := range secretParts(list, i) {
				for k := s[0]; k < s[1]; k++ {
					shown[k] = '*'
				}
			}
			got = append(got, string(shown))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s\n%s\n%s", args, text, want)
		}
	}
}
