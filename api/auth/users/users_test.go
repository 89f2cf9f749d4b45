package users

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const password = "correct horse battery"

func open(t testing.TB) (*Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), FileName)
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s, path
}

func TestStore(t *testing.T) {
	s, path := open(t)
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if err := s.Add("bob", []string{"shop", "ops", "shop"}, password); err != nil {
		t.Fatal(err)
	}
	if err := s.Add("anna", nil, password+"2"); err != nil {
		t.Fatal(err)
	}
	if err := s.Add("bob", nil, password); !errors.Is(err, ErrExists) {
		t.Errorf("added twice: %v", err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	other, err := Open(path) // another process
	if err != nil {
		t.Fatal(err)
	}
	u, err := other.Check("bob", password)
	if err != nil || u.Name != "bob" || !slices.Equal(u.Groups, []string{"ops", "shop"}) || u.Hash != "" {
		t.Errorf("%+v, %v", u, err)
	}
	for _, c := range [][2]string{{"bob", password + "2"}, {"bob", ""}, {"", password}, {"eve", password}, {"eve", ""},
		{"bob", strings.Repeat("x", 5000)}} {
		if u, err := other.Check(c[0], c[1]); !errors.Is(err, ErrPassword) {
			t.Errorf("%.50q: %+v, %v", c, u, err)
		}
	}
	if err := s.SetPassword("bob", "another password"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Check("bob", password); err == nil {
		t.Error("the old password is accepted")
	}
	if _, err := other.Check("bob", "another password"); err != nil {
		t.Error(err)
	}
	if err := s.SetGroups("bob", []string{"z", "a"}); err != nil {
		t.Fatal(err)
	}
	if u, err := other.Get("bob"); err != nil || !slices.Equal(u.Groups, []string{"a", "z"}) {
		t.Errorf("%+v, %v", u, err)
	}
	list, err := other.List()
	if err != nil || len(list) != 2 || list[0].Name != "anna" || list[1].Hash != "" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := s.Remove("bob"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Get("bob"); !errors.Is(err, ErrUnknown) {
		t.Errorf("removed: %v", err)
	}
	for _, err := range []error{s.Remove("bob"), s.SetPassword("bob", password), s.SetGroups("bob", nil)} {
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("of one who is not there: %v", err)
		}
	}
}

func TestAddRefuses(t *testing.T) {
	s, path := open(t)
	for _, c := range []struct {
		name, password string
		groups         []string
	}{
		{"", password, nil}, {"a b", password, nil}, {"a\x1b[2J", password, nil}, {"a:b", password, nil},
		{"*", password, nil},
		{strings.Repeat("a", 200), password, nil}, {"a", "qwx", nil}, {"a", strings.Repeat("x", 2000), nil},
		{"a", password, []string{""}}, {"a", password, []string{"x,y"}}, {"a\u202e", password, nil},
	} {
		err := s.Add(c.name, c.groups, c.password)
		if err == nil || strings.Contains(err.Error(), c.password) {
			t.Errorf("%q %q: %v", c.name, c.groups, err)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made")
	}
	for _, name := range []string{"anna@example.com", "müller", "svc-1_x.y+z", "team/shop"} {
		if err := s.Add(name, nil, password); err != nil {
			t.Error(err)
		}
	}
}

// Processes that change users at the same time lose none.
func TestChangesAtOnce(t *testing.T) {
	_, path := open(t)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			s, err := Open(path)
			if err == nil {
				err = s.Add(fmt.Sprint("user-", i), nil, password)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := s.List(); err != nil || len(list) != 10 {
		t.Errorf("%d users, %v", len(list), err)
	}
}

func TestBadFiles(t *testing.T) {
	good := newHash(password)
	user := func(name, hash string) string {
		return fmt.Sprintf(`{"name":%q,"created":"2026-01-02T03:04:05Z","password":%q}`, name, hash)
	}
	for name, text := range map[string]string{
		"nothing": "", "a list": "[]", "unknown field": `{"users":[],"x":1}`, "null": `{"users":[null]}`,
		"rest":        `{"users":[]}{}`,
		"two of one":  `{"users":[` + user("a", good.String()) + "," + user("a", good.String()) + `]}`,
		"bad name":    `{"users":[` + user("a b", good.String()) + `]}`,
		"no hash":     `{"users":[` + user("a", "") + `]}`,
		"plain text":  `{"users":[` + user("a", password) + `]}`,
		"argon2i":     `{"users":[` + user("a", strings.Replace(good.String(), "argon2id", "argon2i", 1)) + `]}`,
		"old version": `{"users":[` + user("a", strings.Replace(good.String(), "v=19", "v=16", 1)) + `]}`,
		"dear":        `{"users":[` + user("a", strings.Replace(good.String(), "m=19456", "m=4194304", 1)) + `]}`,
		"slow":        `{"users":[` + user("a", strings.Replace(good.String(), "t=2", "t=1000", 1)) + `]}`,
		"no passes":   `{"users":[` + user("a", strings.Replace(good.String(), "t=2", "t=0", 1)) + `]}`,
		"no salt":     `{"users":[` + user("a", "$argon2id$v=19$m=19456,t=2,p=1$$AAAA") + `]}`,
	} {
		path := filepath.Join(t.TempDir(), FileName)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || strings.Contains(err.Error(), good.String()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	path := filepath.Join(t.TempDir(), FileName)
	if err := os.WriteFile(path, []byte(`{"users":[]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	// A file that is broken later lets nobody in, and is not replaced.
	if err := os.WriteFile(path, []byte(`{"users":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check("a", password); err == nil || errors.Is(err, ErrPassword) {
		t.Errorf("a broken file: %v", err)
	}
	if err := s.Add("a", nil, password); err == nil {
		t.Error("a broken file was replaced")
	}
}

// How long a check takes does not tell whether there is such a user.
func TestUnknownUserIsHashedToo(t *testing.T) {
	u := nobody()
	if u.memory != newMemory || u.passes != newPasses {
		t.Errorf("%+v is cheaper than a user", u)
	}
	if u.matches("x") {
		t.Error("it has a password")
	}
}

func TestThrottle(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	th := &Throttle{now: func() time.Time { return now }}
	// fail makes attempts until one has to wait, and returns how many were made.
	fail := func(account func(int) string, address string) (n int) {
		for ; n < 100; n++ {
			if th.Wait(account(n), address) > 0 {
				return n
			}
		}
		return n
	}
	anna := func(int) string { return "anna" }
	if n := fail(anna, "10.0.0.1"); n != accountTries {
		t.Errorf("%d attempts at an account without waiting, want %d", n, accountTries)
	}
	each := func(n int) string { return fmt.Sprint("user-", n) }
	if n := fail(each, "10.0.0.1"); n != addressTries-accountTries {
		t.Errorf("%d attempts more from an address without waiting, want %d", n, addressTries-accountTries)
	}
	if w := th.Wait("anna", "10.0.0.2"); w != time.Second {
		t.Errorf("the account waits %v from elsewhere", w)
	}
	if w := th.Wait("bob", "10.0.0.1"); w != time.Second {
		t.Errorf("the address waits %v for another account", w)
	}
	if w := th.Wait("bob", "10.0.0.2"); w != 0 {
		t.Errorf("others wait %v", w)
	}
	// Waits double, up to their bounds.
	var account, address time.Duration
	for range 30 {
		now = now.Add(max(th.Wait("anna", "10.0.0.1"), 1))
		th.Wait("anna", "10.0.0.1")
		account = th.accounts["anna"].until.Sub(now)
		address = th.addresses["10.0.0.1"].until.Sub(now)
	}
	if account != maxAccountWait || address != maxAddressWait {
		t.Errorf("account %v, address %v", account, address)
	}
	th.Succeeded("anna", "10.0.0.1")
	if w := th.Wait("anna", "10.0.0.3"); w != 0 {
		t.Errorf("after success the account waits %v", w)
	}
	if w := th.Wait("carol", "10.0.0.1"); w == 0 {
		t.Error("after success the address guesses on")
	}
	now = now.Add(forgetAfter + maxAddressWait)
	if w := th.Wait("carol", "10.0.0.1"); w != 0 {
		t.Errorf("later the address waits %v", w)
	}
	if n := fail(each, "10.0.0.1"); n != addressTries-1 {
		t.Errorf("later %d attempts more from the address without waiting, want %d", n, addressTries-1)
	}
}

func TestThrottleIsBounded(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	th := &Throttle{now: func() time.Time { return now }}
	for i := range 2 * maxTracked / 10 {
		now = now.Add(time.Millisecond)
		th.Wait(fmt.Sprint("user-", i), fmt.Sprint("address-", i))
	}
	// The rest at once, so that the test is fast: what is bounded is the number of keys.
	for i := range maxTracked {
		track(&th.accounts, fmt.Sprint("more-", i), now)
	}
	if len(th.accounts) > maxTracked || len(th.addresses) > maxTracked {
		t.Errorf("%d accounts, %d addresses", len(th.accounts), len(th.addresses))
	}
}

func FuzzParse(f *testing.F) {
	h := newHash(password)
	f.Add([]byte(fmt.Sprintf(`{"users":[{"name":"a","groups":["b"],"created":"2026-01-02T03:04:05Z","password":%q}]}`,
		h.String())))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := parse(text)
		if err != nil {
			return
		}
		for _, u := range list {
			if u.hash.memory > maxMemory || u.hash.passes > maxPasses || u.Name == "" {
				t.Errorf("%+v", u)
			}
		}
	})
}
