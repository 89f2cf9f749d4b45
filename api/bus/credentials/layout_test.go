package credentials

import (
	"crypto/tls"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	c := newCluster(t)
	l := Layout{Servers: []string{"nats-1.example", "10.0.0.2"}, Relays: []string{"relay.example"}, Port: 4333}
	dirs, err := c.Write(l, nil)
	if err != nil || len(dirs) != 3 {
		t.Fatalf("%q, %v", dirs, err)
	}
	if got := l.URLs(); !slices.Equal(got, []string{"tls://nats-1.example:4333", "tls://10.0.0.2:4333"}) {
		t.Errorf("%q", got)
	}
	conf, err := os.ReadFile(c.path("servers/10.0.0.2/nats.conf"))
	if err != nil || !strings.Contains(string(conf), `"nats-route://nats-1.example:6222"`) ||
		!strings.Contains(string(conf), `"/etc/nats/tls.crt"`) {
		t.Errorf("%v\n%s", err, conf)
	}
	for _, dir := range dirs {
		if _, err := tls.LoadX509KeyPair(filepath.Join(dir, certFile), filepath.Join(dir, keyFile)); err != nil {
			t.Error(err)
		}
	}
	// A file of the whole directory that is not public is for its owner only.
	public := []string{CAFile, certFile, confFile, operatorFile, accountFile, systemFile}
	err = filepath.WalkDir(c.Dir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err == nil && st.Mode().Perm()&0o077 != 0 && !slices.Contains(public, d.Name()) {
			t.Errorf("%s: %v", path, st.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	before, err := os.ReadFile(c.path("servers/nats-1.example/tls.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if dirs, err := c.Write(l, []string{"relay.example"}); err != nil || len(dirs) != 1 {
		t.Errorf("%q, %v", dirs, err)
	}
	after, err := os.ReadFile(c.path("servers/nats-1.example/tls.crt"))
	if err != nil || string(before) != string(after) {
		t.Errorf("another machine's certificate changed: %v", err)
	}
	for _, bad := range []string{"", "../x", "a/b", "a b", "-a", "a:4222", "a\n"} {
		if _, err := c.Write(Layout{Relays: []string{bad}}, nil); err == nil {
			t.Errorf("%q is a host", bad)
		}
	}
}
