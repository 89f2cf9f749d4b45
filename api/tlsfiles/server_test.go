package tlsfiles

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := new(authority)
	der, key := a.make(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true,
		Subject:  pkix.Name{CommonName: "test authority"},
		KeyUsage: x509.KeyUsageCertSign}, time.Hour)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key = key
	return a
}

func (a *authority) make(t testing.TB, c *x509.Certificate, valid time.Duration) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(valid)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

// pair returns a certificate of a name and its key in PEM.
func (a *authority) pair(t testing.TB, name string, valid time.Duration) (cert, key []byte) {
	t.Helper()
	der, k := a.make(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, valid)
	b, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", b)
}

func block(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }

func put(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// serve runs a server with the files, and returns its address.
func serve(t *testing.T, o Options) (*Server, string) {
	t.Helper()
	o.Interval, o.Log = 10*time.Millisecond, slog.New(slog.DiscardHandler)
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", s.Config())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				buf := make([]byte, 64)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { cancel(); l.Close(); wg.Wait() })
	return s, l.Addr().String()
}

// dial connects, and checks that the connection carries bytes.
func dial(address string, ca *authority, client ...tls.Certificate) (*tls.Conn, error) {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", address,
		&tls.Config{RootCAs: pool, ServerName: "localhost", Certificates: client, NextProtos: []string{"h2"}})
	if err != nil {
		return nil, err
	}
	if err := echo(c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func echo(c net.Conn) error {
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 1))
	return err
}

// name returns the name in the certificate that is served now.
func name(t *testing.T, address string, ca *authority) string {
	t.Helper()
	c, err := dial(address, ca)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// CASES X-A6: the layout of Kubernetes, where a link to a directory is replaced.
func TestLinkedDirectory(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	swap := func(n int) {
		version := filepath.Join(dir, fmt.Sprint("..", n))
		if err := os.Mkdir(version, 0o755); err != nil {
			t.Fatal(err)
		}
		cert, key := ca.pair(t, fmt.Sprint("version ", n), time.Hour)
		put(t, filepath.Join(version, "tls.crt"), cert)
		put(t, filepath.Join(version, "tls.key"), key)
		link := filepath.Join(dir, "..data")
		if err := os.Symlink(version, link+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link+".new", link); err != nil {
			t.Fatal(err)
		}
	}
	swap(0)
	o := Options{Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	for _, file := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	s, address := serve(t, o)
	open, err := dial(address, ca)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for n := 1; n <= 5; n++ {
		swap(n)
		want := fmt.Sprint("version ", n)
		eventually(t, want, func() bool { return name(t, address, ca) == want })
	}
	if err := echo(open); err != nil {
		t.Errorf("an open connection: %v", err)
	}
	if p := open.ConnectionState().NegotiatedProtocol; p != "h2" {
		t.Errorf("protocol %q", p)
	}
	var b strings.Builder
	s.WriteMetrics(&b)
	if !strings.Contains(b.String(), `daytwo_tls_reloads_total{result="ok"} 5`) {
		t.Error(b.String())
	}
}

// CASES X-A6: a certificate whose key comes later, garbage, and a file that is gone.
func TestLastGoodPairStays(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	o := Options{Certificate: filepath.Join(dir, "crt"), Key: filepath.Join(dir, "key")}
	cert, key := ca.pair(t, "first", time.Hour)
	put(t, o.Certificate, cert)
	put(t, o.Key, key)
	s, address := serve(t, o)
	// bad changes a file, waits until that is noticed, and returns what is said.
	bad := func(path string, text []byte) string {
		t.Helper()
		put(t, path, text)
		eventually(t, "an error", func() bool { return s.Err() != nil })
		if got := name(t, address, ca); got != "first" {
			t.Errorf("served is %q", got)
		}
		err := s.Err()
		put(t, o.Certificate, cert)
		put(t, o.Key, key)
		eventually(t, "no error", func() bool { return s.Err() == nil })
		return fmt.Sprint(err)
	}
	if said := bad(o.Certificate, []byte("garbage")); !strings.Contains(said, o.Certificate) {
		t.Error(said)
	}
	if said := bad(o.Key, nil); !strings.Contains(said, o.Key) {
		t.Error(said)
	}
	next, nextKey := ca.pair(t, "second", 2*time.Hour)
	if said := bad(o.Certificate, next); !strings.Contains(said, "does not match") {
		t.Error(said)
	}
	put(t, o.Certificate, next)
	eventually(t, "an error", func() bool { return s.Err() != nil })
	put(t, o.Key, nextKey)
	eventually(t, "the second", func() bool { return name(t, address, ca) == "second" })
	if left := time.Until(s.Expiry()); left < 110*time.Minute || s.Err() != nil {
		t.Errorf("it expires in %v, %v", left, s.Err())
	}
	if err := os.Remove(o.Key); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an error", func() bool { return s.Err() != nil })
	if got := name(t, address, ca); got != "second" {
		t.Errorf("served is %q", got)
	}
}

func TestClientCertificates(t *testing.T) {
	ca, clients, strangers := newAuthority(t), newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	o := Options{Certificate: filepath.Join(dir, "crt"), Key: filepath.Join(dir, "key"),
		ClientCA: filepath.Join(dir, "ca")}
	cert, key := ca.pair(t, "server", time.Hour)
	put(t, o.Certificate, cert)
	put(t, o.Key, key)
	put(t, o.ClientCA, block("CERTIFICATE", clients.cert.Raw))
	s, address := serve(t, o)
	certificate := func(a *authority, valid time.Duration) tls.Certificate {
		cert, key := a.pair(t, "anna", valid)
		c, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	try := func(what string, want bool, certs ...tls.Certificate) {
		t.Helper()
		c, err := dial(address, ca, certs...)
		if err == nil {
			c.Close()
		}
		if (err == nil) != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	try("none", true)
	try("good", true, certificate(clients, time.Hour))
	try("expired", false, certificate(clients, -time.Minute))
	// The client library offers no certificate of an authority that the server does not name:
	// what is sent is sent on purpose.
	stranger := certificate(strangers, time.Hour)
	forced := func() error {
		pool := x509.NewCertPool()
		pool.AddCert(ca.cert)
		c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, ServerName: "localhost",
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil }})
		if err != nil {
			return err
		}
		defer c.Close()
		return echo(c)
	}
	if forced() == nil {
		t.Error("a stranger's certificate is accepted")
	}
	put(t, o.ClientCA, block("CERTIFICATE", strangers.cert.Raw))
	eventually(t, "the other authority", func() bool { return forced() == nil })
	if s.Err() != nil {
		t.Error(s.Err())
	}
}

func TestNewServerRefuses(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	file := func(name string, text []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, key := ca.pair(t, "x", time.Hour)
	expired, expiredKey := ca.pair(t, "x", -time.Minute)
	goodCert, goodKey := file("crt", cert, 0o644), file("key", key, 0o600)
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"no file", Options{Certificate: filepath.Join(dir, "none"), Key: goodKey}, "no such file"},
		{"a directory", Options{Certificate: dir, Key: goodKey}, "not a regular file"},
		{"open key", Options{Certificate: goodCert, Key: file("open", key, 0o604)}, "chmod 600"},
		{"expired", Options{Certificate: file("old", expired, 0o644), Key: file("oldkey", expiredKey, 0o600)}, "expired"},
		{"no authority", Options{Certificate: goodCert, Key: goodKey, ClientCA: file("ca", []byte("x"), 0o644)},
			"no certificate"},
	} {
		if _, err := NewServer(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
