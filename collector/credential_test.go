package collector

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/bus/credentials"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/join"
	"github.com/daytwo/daytwo/api/metric"
)

// The doctor and the metrics say until when the credential of a node is valid.
func TestCredentialIsWatched(t *testing.T) {
	keys, err := credentials.Init(filepath.Join(t.TempDir(), "keys"), "test")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "creds")
	for _, c := range []struct {
		valid time.Duration
		wait  time.Duration
		state health.State
		text  string
	}{
		{0, 0, health.OK, "does not expire"},
		{time.Hour, 0, health.OK, "is valid until"},
		{time.Second, 1500 * time.Millisecond, health.Fail, "has expired"},
	} {
		creds, err := keys.Enroll("a", c.valid)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, creds, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(c.wait)
		check, ok := checkCredential(path)
		if !ok || check.State != c.state || !strings.Contains(check.Detail, c.text) {
			t.Errorf("valid for %v: %+v", c.valid, check)
		}
	}
	if _, ok := checkCredential(""); ok {
		t.Error("a check without a credential")
	}

	// This one is gone by now, and no NATS server answers.
	s := newSelf(func() uint64 { return 1 })
	defer s.close()
	s.credential(nil)
	if s.vals[metric.SelfCredentialExpiry] != metric.Absent || s.vals[metric.SelfCredentialFailing] != metric.Absent {
		t.Error("values without a credential")
	}
	r := &join.Renewer{File: filepath.Join(t.TempDir(), "none"), Log: slog.New(slog.DiscardHandler)}
	go r.Run(t.Context())
	for end := time.Now().Add(10 * time.Second); s.vals[metric.SelfCredentialFailing] != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a file that is gone does not show")
		}
		s.credential(r)
	}
}
