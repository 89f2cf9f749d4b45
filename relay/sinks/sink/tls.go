package sink

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/daytwo/daytwo/api/regularfile"
)

// TLS are the settings of an encrypted connection.
type TLS struct {
	CA         File   `yaml:"ca_file"`     // certificates to trust; default the system's
	Cert       File   `yaml:"cert_file"`   // client certificate
	Key        File   `yaml:"key_file"`    // its key
	ServerName string `yaml:"server_name"` // expected in the certificate; default the host
	Insecure   bool   `yaml:"insecure"`    // accept any certificate
}

// maxPEM bounds a file of certificates or of a key, in bytes.
const maxPEM = 4 << 20

// Authorities returns what ca_file has, in PEM; nil without one, or without settings.
func (t *TLS) Authorities() ([]byte, error) {
	if t == nil || t.CA == "" {
		return nil, nil
	}
	pem, err := regularfile.Read(string(t.CA), maxPEM)
	if err != nil {
		return nil, fmt.Errorf("tls: ca_file: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls: ca_file: %s holds no certificate in PEM form", t.CA)
	}
	return pem, nil
}

// Config returns the settings as package crypto/tls has them. Nil is the system's default.
// A client certificate is read again at each handshake; of the authorities, it has those of now.
func (t *TLS) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t == nil {
		return c, nil
	}
	c.ServerName, c.InsecureSkipVerify = t.ServerName, t.Insecure
	pem, err := t.Authorities()
	if err != nil {
		return nil, err
	}
	if pem != nil {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AppendCertsFromPEM(pem)
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, errors.New("tls: cert_file and key_file must be set together")
	}
	if t.Cert != "" {
		load := func() (*tls.Certificate, error) {
			cert, err := regularfile.Read(string(t.Cert), maxPEM)
			if err != nil {
				return nil, err
			}
			key, mode, err := regularfile.ReadMode(string(t.Key), maxPEM)
			if err != nil {
				return nil, err
			}
			if mode&0o007 != 0 {
				return nil, t.Key.open()
			}
			pair, err := tls.X509KeyPair(cert, key)
			return &pair, err
		}
		if _, err := load(); err != nil {
			return nil, fmt.Errorf("tls: client certificate: %w", err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return c, nil
}

// CheckURL returns an error unless an address is a URL of HTTP without a password, or if TLS
// is configured for one that does not use it.
func CheckURL(key, address string, t *TLS) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%s: %q is not http://HOST:PORT or https://HOST:PORT", key, address)
	case u.User != nil:
		return fmt.Errorf("%s: a password in a URL is seen in lists and logs: give it in a file", key)
	case t != nil && u.Scheme == "http":
		return fmt.Errorf("%s: tls is set, but %q does not use it: write https://, or leave tls out", key, address)
	}
	return nil
}

// ErrHandshake is wrapped by errors of a handshake that a sink makes itself.
var ErrHandshake = errors.New("TLS handshake")

// advice says what to do about errors of TLS, by their text: gRPC hands on nothing else.
var advice = []struct{ says, do string }{
	{"certificate signed by unknown authority", "give the certificate of its authority as ca_file of tls"},
	{"certificate has expired or is not yet valid", "renew the receiver's certificate, or correct this machine's clock"},
	{"certificate is valid for", "use a name that it has, or give one as server_name of tls"},
	{"certificate is not valid for any names",
		"give the receiver a certificate with that name, or correct server_name of tls"},
	{"doesn't contain any IP SANs", "use a name that it has, or give one as server_name of tls"},
	{"relies on legacy Common Name", "give the receiver a certificate with a subject alternative name"},
	{"tls: certificate required", "the receiver wants a client certificate: give cert_file and key_file of tls"},
	{"tls: bad certificate", "the receiver does not accept the client certificate (cert_file of tls)"},
	{"tls: unknown certificate", "the receiver does not accept the client certificate (cert_file of tls)"},
	{"tls: expired certificate", "renew the client certificate (cert_file of tls)"},
	{ErrHandshake.Error() + ": EOF", "does the receiver use TLS at this address?"},
	{ErrHandshake.Error() + ": context deadline exceeded", "does the receiver use TLS at this address?"},
	{"does not look like a TLS handshake", "the receiver does not use TLS at this address: leave tls out"},
	{"HTTP response to HTTPS client", "the receiver does not use TLS at this address: write http://"},
	{"HTTP request to an HTTPS server", "the receiver uses TLS at this address: write https://"},
	{"HTTP request was sent to HTTPS port", "the receiver uses TLS at this address: write https://"},
}

// Explain adds to an error about TLS what to do. It returns other errors as they are.
func Explain(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, a := range advice {
		if strings.Contains(text, a.says) {
			return fmt.Errorf("%w: %s", err, a.do)
		}
	}
	return err
}
