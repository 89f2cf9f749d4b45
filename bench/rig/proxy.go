package rig

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Fault is what a Proxy does with what passes it.
type Fault int32

// Faults. A change counts for connections that exist, too.
const (
	Pass     Fault = iota
	Hang           // take nothing, and let nothing through
	Slow           // pieces of 4 KiB, with 2 ms between them
	Nonsense       // answer every piece with bytes that mean nothing
	Mute           // let through what comes, and keep the answers
	Cut            // close connections after 16 KiB
)

// Proxy is a TCP proxy in front of a receiver, with or without TLS, which makes the faults
// of networks and receivers. It ends with the test.
type Proxy struct {
	t       testing.TB
	Address string
	backend string
	l       net.Listener
	fault   atomic.Int32

	mu    sync.Mutex
	conns map[net.Conn]bool
	work  sync.WaitGroup
	ended chan struct{}
}

// NewProxy starts a proxy in front of a receiver's address.
func NewProxy(t testing.TB, backend string) *Proxy {
	t.Helper()
	return startProxy(t, backend, func(l net.Listener) net.Listener { return l })
}

// NewTLSProxy is NewProxy with a certificate; clientCA is the file of an authority whose
// certificates clients must have, "" for none; protocols are those of ALPN.
func NewTLSProxy(t testing.TB, backend string, pair Pair, clientCA string, protocols ...string) *Proxy {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: protocols}
	if clientCA != "" {
		pem, err := os.ReadFile(clientCA)
		if err != nil {
			t.Fatal(err)
		}
		c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		c.ClientCAs.AppendCertsFromPEM(pem)
	}
	return startProxy(t, backend, func(l net.Listener) net.Listener { return tls.NewListener(l, c) })
}

func startProxy(t testing.TB, backend string, wrap func(net.Listener) net.Listener) *Proxy {
	t.Helper()
	var l net.Listener
	err := eventually(time.Second, func() (err error) { // a program beside the tests may be faster
		l, err = net.Listen("tcp", FreePort(t))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{t: t, Address: l.Addr().String(), backend: backend, l: wrap(l), conns: map[net.Conn]bool{},
		ended: make(chan struct{})}
	p.work.Go(p.accept)
	t.Cleanup(func() {
		close(p.ended)
		p.l.Close()
		p.Drop()
		p.work.Wait()
	})
	return p
}

// Set changes the fault.
func (p *Proxy) Set(f Fault) { p.fault.Store(int32(f)) }

// Drop closes all connections.
func (p *Proxy) Drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *Proxy) is(f Fault) bool { return Fault(p.fault.Load()) == f }

// hold waits while nothing is let through. It returns false at the end of the test.
func (p *Proxy) hold() bool {
	for p.is(Hang) {
		select {
		case <-p.ended:
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
	return true
}

func (p *Proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.add(c)
		p.work.Go(func() {
			defer p.remove(c)
			if !p.hold() {
				return
			}
			if p.is(Nonsense) {
				p.answer(c)
				return
			}
			b, err := net.DialTimeout("tcp", p.backend, 2*time.Second)
			if err != nil {
				return
			}
			p.add(b)
			p.work.Go(func() { // answers
				defer p.remove(c)
				defer p.remove(b)
				p.pump(c, b, true)
			})
			p.pump(b, c, false)
			p.remove(b)
		})
	}
}

// pump passes bytes on, as the fault says.
func (p *Proxy) pump(to, from net.Conn, answers bool) {
	buf := make([]byte, 4<<10)
	for passed := 0; ; {
		n, err := from.Read(buf)
		if n > 0 {
			if !p.hold() {
				return
			}
			switch {
			case p.is(Nonsense) && !answers:
				p.answer(from)
				return
			case p.is(Nonsense), p.is(Mute) && answers:
				continue
			case p.is(Slow):
				time.Sleep(2 * time.Millisecond)
			case p.is(Cut) && passed > 16<<10:
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
			passed += n
		}
		if err != nil {
			return
		}
	}
}

// nonsense looks a little like the beginning of answers of several protocols.
const nonsense = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\x82\xa3nonsen$-1\r\n\xff\x00"

// answer reads what comes and answers nonsense.
func (p *Proxy) answer(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(300 * time.Millisecond))
	if _, err := io.WriteString(c, nonsense); err == nil {
		_, _ = io.Copy(io.Discard, c)
	}
}

func (p *Proxy) add(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
}

func (p *Proxy) remove(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}
