package policy

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daytwo/daytwo/api/auth"
)

// A stream ends when the policy does not allow the same any more, and not before.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "policy.yaml")
		write(t, path, allowing("u0"))
		f, err := Open(FileOptions{Path: path, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		reload := func(text string) {
			t.Helper()
			write(t, path, text)
			f.Reload()
			synctest.Wait()
		}
		who := user(t, "u0")
		stream, v, end := f.Hold(t.Context(), who, Read, SystemMetrics, nil)
		defer end()
		on := func(agent string) func(*View) bool {
			return func(v *View) bool { return v.Allows(&Tags{Agent: agent}) }
		}
		session, _, endSession := f.Hold(t.Context(), who, Read, SystemMetrics, on("n1"))
		defer endSession()
		other, _, endOther := f.Hold(t.Context(), user(t, "u9"), Read, SystemMetrics, nil)
		if v.Everything() || v.Nothing() || !v.Allows(&Tags{Agent: "n1"}) {
			t.Errorf("%+v", v)
		}
		for _, same := range []string{
			"# the same\n" + allowing("u0"), "rules: [",
			allowing("u0") + "  - {subjects: user:u1, role: admin}\n",
		} {
			reload(same)
			if stream.Err() != nil || session.Err() != nil || other.Err() != nil {
				t.Fatalf("it ends after\n%s", same)
			}
		}
		reload("rules: [{subjects: user:u0, role: viewer, where: {agent: 'n*'}}]") // more than before
		if context.Cause(stream) != ErrChanged || session.Err() != nil || other.Err() != nil {
			t.Error("a view that changed is not noticed")
		}
		reload("rules: []")
		if context.Cause(session) != ErrChanged || other.Err() != nil {
			t.Error("a right that was lost is not noticed")
		}
		endOther()
		synctest.Wait()
		if !errors.Is(context.Cause(other), context.Canceled) {
			t.Error("it does not end")
		}
	})
}

// A stream ends at the moment when the sign-in expires, and none begins after it.
func TestHoldExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		who, err := auth.NewPrincipal("a", nil, auth.MethodJWT, time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		f := NoFile()
		held, _, end := f.Hold(t.Context(), who, Read, SystemLogs, nil)
		defer end()
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		if held.Err() != nil {
			t.Error("it ends too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if context.Cause(held) != ErrExpired {
			t.Errorf("it has %v", context.Cause(held))
		}
		late, v, endLate := f.Hold(t.Context(), who, Read, SystemLogs, nil)
		defer endLate()
		if context.Cause(late) != ErrExpired || !v.Nothing() {
			t.Error("one begins after that")
		}
		nobody, v, endNobody := f.Hold(t.Context(), nil, Read, SystemLogs, nil)
		defer endNobody()
		if nobody.Err() == nil || !v.Nothing() {
			t.Error("nobody has one")
		}
	})
}

// Without a file, the local admin may do everything, and nobody else may do anything.
func TestNoFile(t *testing.T) {
	f := NoFile()
	admin, err := auth.NewPrincipal("admin", nil, auth.MethodSocket, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	p, other := f.Policy(), user(t, "admin")
	if !p.Decide(admin, Full, Superuser, nil).Allowed || p.Decide(other, Read, SystemLogs, nil).Allowed {
		t.Error("others may do something, or the admin may not")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.Run(ctx)
	if f.Refused() != "" {
		t.Error(f.Refused())
	}
}
