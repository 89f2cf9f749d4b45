package syslog

import (
	"crypto/tls"
	"net"
	"time"
)

// verdict finds out whether a receiver accepts the client's certificate, or that it has
// none. In TLS 1.3 a receiver decides that after the handshake has ended for the client, and
// what was written until then is lost without an error. A session ticket (RFC 8446, section
// 4.6.1) says that the receiver has checked the certificate.
//
// It implements tls.ClientSessionCache, which is told of tickets, and keeps no session.
type verdict struct {
	conn    net.Conn // below TLS
	asked   bool     // the receiver has asked for a certificate
	checked bool     // a ticket came
	waiting bool     // a ticket ends the wait
}

// After a handshake, a receiver is given checksWithin to close the connection, as some check
// names in certificates only then. One that asked for a certificate is given ticketWithin for
// its ticket. Some never send any.
const (
	checksWithin = 200 * time.Millisecond
	ticketWithin = 2 * time.Second
)

// config returns a copy of a configuration of TLS that lets v know what the receiver does.
func (v *verdict) config(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.ClientSessionCache = v
	get := c.GetClientCertificate
	c.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		v.asked = true
		if get == nil {
			return new(tls.Certificate), nil // none
		}
		return get(r)
	}
	return c
}

// wait returns an error if the receiver closes the connection because of the certificate.
func (v *verdict) wait(s *sender) error {
	if err := s.closed(checksWithin); err != nil || !v.asked || v.checked {
		return err
	}
	if c, ok := s.conn.(*tls.Conn); !ok || c.ConnectionState().Version < tls.VersionTLS13 {
		return nil // the check was part of the handshake
	}
	v.waiting = true
	defer func() { v.waiting = false }()
	return s.closed(ticketWithin)
}

// Get implements tls.ClientSessionCache.
func (v *verdict) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// Put implements tls.ClientSessionCache. It is called by the Read of sender.closed.
func (v *verdict) Put(string, *tls.ClientSessionState) {
	v.checked = true
	if v.waiting {
		_ = v.conn.SetReadDeadline(time.Unix(1, 0))
	}
}
