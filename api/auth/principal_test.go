package auth

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPrincipal(t *testing.T) {
	groups := []string{"b", "a", "b"}
	expires := time.Unix(1000, 0)
	p, err := NewPrincipal("ann", groups, MethodJWT, expires)
	if err != nil {
		t.Fatal(err)
	}
	groups[0] = "admins"
	p.Groups()[0] = "admins" // neither list is the principal's own
	if p.Name() != "ann" || !slices.Equal(p.Groups(), []string{"a", "b"}) || p.Method() != MethodJWT ||
		!p.InGroup("b") || p.InGroup("admins") || p.Admin() || !p.Expires().Equal(expires) {
		t.Errorf("%+v", p)
	}
	if p.Expired(expires.Add(-1)) || !p.Expired(expires) {
		t.Error("it does not expire at its time")
	}
	if got := From(With(t.Context(), p)); got != p {
		t.Errorf("the context carries %+v", got)
	}
	if got := From(t.Context()); got != nil {
		t.Errorf("a context without a principal carries %+v", got)
	}
}

// Nobody has no rights, and asking who it is does not panic.
func TestNobody(t *testing.T) {
	var p *Principal
	if p.Name() != "" || p.Groups() != nil || p.InGroup("") || p.Admin() || p.Method() != "" || !p.Expired(time.Now()) ||
		!p.Expires().IsZero() || p.Key() != [32]byte{} {
		t.Error("nobody is somebody")
	}
}

func TestPrincipalNames(t *testing.T) {
	long := strings.Repeat("x", maxName)
	for _, bad := range []string{"", long + "x", "a\nb", "a\x00b", "a\xffb", "\u202eadmin", "a\x1b[31m"} {
		if _, err := NewPrincipal(bad, nil, MethodJWT, time.Time{}); err == nil {
			t.Errorf("the name %q is accepted", bad)
		}
		if _, err := NewPrincipal("ann", []string{bad}, MethodJWT, time.Time{}); err == nil {
			t.Errorf("the group %q is accepted", bad)
		}
	}
	for _, good := range []string{long, "ann@example.com", "Ann Bee", "ünï", "a/b"} {
		if _, err := NewPrincipal(good, []string{good}, MethodJWT, time.Time{}); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	if _, err := NewPrincipal("ann", make([]string, maxGroups+1), MethodJWT, time.Time{}); err == nil {
		t.Error("too many groups are accepted")
	}
}

// Equal keys mean equal rights: of name, groups and being the admin, and of nothing else.
func TestPrincipalKey(t *testing.T) {
	key := func(method Method, name string, groups ...string) [32]byte {
		t.Helper()
		p, err := NewPrincipal(name, groups, method, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return p.Key()
	}
	if key(MethodJWT, "a", "x", "y") != key(MethodCertificate, "a", "y", "x", "x") {
		t.Error("the order of groups or the method matters")
	}
	seen := map[[32]byte]int{{}: -1}
	for i, k := range [][32]byte{
		key(MethodJWT, "admin"), key(MethodToken, "admin"), key(MethodJWT, "a"), key(MethodJWT, "a", "b"),
		key(MethodJWT, "ab"), key(MethodJWT, "a", "b", "c"), key(MethodJWT, "a", "bc"),
	} {
		if before, ok := seen[k]; ok {
			t.Errorf("%d has the key of %d", i, before)
		}
		seen[k] = i
	}
}
