package rules

import (
	"bytes"
	"regexp"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
)

func message(e *entry.Entry) string { m, _ := e.Get("MESSAGE"); return string(m) }

func TestRedact(t *testing.T) {
	for _, c := range []struct{ rule, in, want string }{
		{"known: email", "from jo.e+x@mail.example.com, to <a@b.cd>.", "from [redacted], to <[redacted]>."},
		{"known: email", "root@10.0.0.1 x@localhost @b.cd a@ @", "root@10.0.0.1 x@localhost @b.cd a@ @"},
		{"known: credit_card", "pay 4111 1111 1111 1111 now", "pay [redacted] now"},
		{"known: credit_card", "5500-0000-0000-0004,378282246310005", "[redacted],[redacted]"},
		{"known: credit_card", "4111111111111112 1712345678901234 84111111111111111",
			"4111111111111112 1712345678901234 84111111111111111"},
		{"known: credit_card", "4111 1111 1111 1111 2024", "[redacted] 2024"},
		{"known: bearer_token", "Authorization: Bearer abc.DEF-1==; x", "Authorization: Bearer [redacted]; x"},
		{"known: bearer_token", "AUTHORIZATION: BEARER abcd", "AUTHORIZATION: BEARER [redacted]"},
		{"known: bearer_token", "the bearer of news", "the bearer of news"},
		{"known: basic_auth", "authorization: basic dXNlcjpwYXNz", "authorization: basic [redacted]"},
		{"known: jwt", "t=eyJhbGciOi.eyJzdWIi.sig-_x end", "t=[redacted] end"},
		{"known: url_password", "amqp://u:p4ss@h:5672/x http://h/a:b@c", "amqp://u:[redacted]@h:5672/x http://h/a:b@c"},
		{"known: password", `password=hunter2 {"api_key": "k1"} PWD: x, key y`,
			`password=[redacted] {"api_key": "[redacted]"} PWD: [redacted], key y`},
		{"known: aws_key", "AKIAIOSFODNN7EXAMPLE.", "[redacted]."},
		{"known: private_key", "x -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- y", "x [redacted] y"},
		{"known: private_key", "x -----BEGIN PRIVATE KEY-----\nMII", "x [redacted]"},
		{"known: ip_address", "10.1.2.3:80 999.1.1.1 fe80::1 12:30:59 1.2.3",
			"[redacted]:80 999.1.1.1 [redacted] 12:30:59 1.2.3"},
		{"known: [email, credit_card], replace: X", "4111111111111111 a@b.cd", "X X"},
		{"pattern: 'id=(\\d)\\d+', replace: 'id=${1}*'", "id=123 id=45", "id=1* id=4*"},
		{"pattern: '^a'", "aaa", "[redacted]aa"},
		{"known: email", "", ""},
	} {
		e := line("MESSAGE=" + c.in)
		out, _, n := NewFilter(parse(t, "redact: [{"+c.rule+"}]")).Finish(e)
		if got := message(out); got != c.want {
			t.Errorf("%s: %q became %q, want %q", c.rule, c.in, got, c.want)
		}
		if (n > 0) != (c.in != c.want) {
			t.Errorf("%s: %q: %d texts were redacted", c.rule, c.in, n)
		}
		if message(e) != c.in {
			t.Errorf("%s changed the entry: %q", c.rule, message(e))
		}
	}
}

func TestRedactFields(t *testing.T) {
	e := line("MESSAGE=a@b.cd", "_CMDLINE=x a@b.cd", "USER_X=a@b.cd", "_CMDLINE=c@d.ef")
	out, _, n := NewFilter(parse(t, "redact: [{known: email, fields: [_CMD*, USER_X]}]")).Finish(e)
	var got []string
	for _, f := range out.Fields {
		got = append(got, string(f.Value))
	}
	if want := []string{"a@b.cd", "x [redacted]", "[redacted]", "[redacted]"}; n != 3 || !slices.Equal(got, want) {
		t.Errorf("%d: %q", n, got)
	}
}

// The scanners find what these expressions and plain loops find.
func FuzzTwins(f *testing.F) {
	for _, s := range []string{"a@b.cd", "a@b..cd", "a@b@c.de.f1.1x", "4111 1111-11111111", "4111111111111111111111",
		"22 4111111111111111", "a.b@-.c-", "4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1"} {
		f.Add([]byte(s))
	}
	email := regexp.MustCompile(`[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*`)
	email.Longest()
	f.Fuzz(func(t *testing.T, v []byte) {
		v = v[:min(len(v), 1<<10)]
		var want [][]int
		for at := 0; ; {
			m := email.FindIndex(v[at:])
			if m == nil {
				break
			}
			want = append(want, []int{at + m[0], at + m[1]})
			at += m[1]
		}
		same(t, v, "email", emailFinder{}, want)
		same(t, v, "card", cardFinder{}, cards(v))
	})
}

func same(t *testing.T, v []byte, what string, f finder, want [][]int) {
	t.Helper()
	got := f.find(v, nil)
	if len(got) > 0 && !f.possible(v) {
		t.Fatalf("%s: %q is not thought possible", what, v)
	}
	ok := len(got) == len(want)
	for i := 0; ok && i < len(got); i++ {
		ok = got[i].start == want[i][0] && got[i].end == want[i][1]
	}
	if !ok {
		t.Fatalf("%s in %q: %v, want %v", what, v, got, want)
	}
}

var cardShape = regexp.MustCompile(`^[2-6](?:[ -]?[0-9]){12,18}$`)

// cards tries every piece of v.
func cards(v []byte) (found [][]int) {
	for i := 0; i < len(v); i++ {
		for j := min(len(v), i+2*maxCard); j > i; j-- {
			before, after := i > 0 && isDigit(v[i-1]), j < len(v) && isDigit(v[j])
			if before || after || !cardShape.Match(v[i:j]) {
				continue
			}
			digits := bytes.Map(func(r rune) rune {
				if r < '0' {
					return -1
				}
				return r - '0'
			}, v[i:j])
			if luhn(digits) {
				found = append(found, []int{i, j})
				i = j - 1
				break
			}
		}
	}
	return found
}
