package auth

import "testing"

const secret = "correct-horse-battery"

func TestGuard(t *testing.T) {
	g, err := NewGuard(secret)
	if err != nil {
		t.Fatal(err)
	}
	if p := g.Principal(secret); !p.Admin() || p.Name() != AdminName {
		t.Errorf("the token is %q's", p.Name())
	}
	for _, token := range []string{"", secret[1:], secret + "x", " " + secret, "Correct-horse-battery"} {
		if p := g.Principal(token); p != nil {
			t.Errorf("%q is %q's", token, p.Name())
		}
	}
}

func TestGuardRefusesWeakTokens(t *testing.T) {
	for _, tok := range []string{"", "x", "with space in the middle"} {
		if _, err := NewGuard(tok); err == nil {
			t.Errorf("%q is accepted", tok)
		}
	}
}
