package gateway

import "testing"

func FuzzParseVector(f *testing.F) {
	v := newVector(2)
	v.set(0, hashAgent("a"), position{kind: after, time: start0, hash: 0xdeadbeef, current: true})
	v.set(1, hashAgent("b"), position{kind: since, time: start0 + 1, reversed: true})
	f.Add(string(v.text))
	f.Add("m1.")
	f.Add("m1.AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		all, newest, err := parseVector(s, 100)
		if err != nil {
			return
		}
		again := newVector(0)
		for agent, p := range all {
			again.add()
			again.set(len(again.text)/recordChars-1, agent, p)
		}
		back, newest2, err := parseVector(again.string(), 100)
		if err != nil || newest2 != newest || len(back) != len(all) {
			t.Fatalf("%v, %v", back, err)
		}
		for agent, p := range all {
			if p.own = ""; back[agent] != p {
				t.Fatalf("%+v became %+v", p, back[agent])
			}
		}
	})
}
