package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/regularfile"
)

// How long certificates are valid.
const (
	authorityYears = 10
	ServerValidity = 397 * 24 * time.Hour // the longest that browsers accept
)

// makeAuthority makes the cluster's certificate authority.
func (c *Cluster) makeAuthority() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "daytwo cluster " + c.name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(authorityYears, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writeSecret(c.path(caKeyFile), encodePEM("PRIVATE KEY", private)); err != nil {
		return err
	}
	return atomicfile.Write(c.path(CAFile), encodePEM("CERTIFICATE", der), 0o644)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the kernel's random numbers never fail
	}
	return n
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Certificate makes a certificate, followed by that of the authority, and its key in PEM. Each
// name is a DNS name or an IP
// address; the first is also the common name. client is whether it may identify a client
// too, as servers of a NATS cluster need it among one another.
func (c *Cluster) Certificate(names []string, client bool) (cert, key []byte, err error) {
	if len(names) == 0 {
		return nil, nil, errors.New("a certificate requires a name")
	}
	ca, caKey, err := c.authority()
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(ServerValidity),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if client {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, private.Public(), caKey)
	if err != nil {
		return nil, nil, err
	}
	b, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return append(encodePEM("CERTIFICATE", der), encodePEM("CERTIFICATE", ca.Raw)...), encodePEM("PRIVATE KEY", b), nil
}

// CA returns the certificate of the cluster's authority in PEM.
func (c *Cluster) CA() ([]byte, error) { return regularfile.Read(c.path(CAFile), maxCertificate) }

const maxCertificate = 64 << 10

// certificate returns the certificate of the authority.
func (c *Cluster) certificate() (*x509.Certificate, error) {
	text, err := c.CA()
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", c.path(CAFile))
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.path(CAFile), err)
	}
	return ca, nil
}

// authority returns the certificate authority and its key.
func (c *Cluster) authority() (*x509.Certificate, any, error) {
	ca, err := c.certificate()
	if err != nil {
		return nil, nil, err
	}
	private, err := readSecret(c.path(caKeyFile))
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode([]byte(private))
	if block == nil {
		return nil, nil, fmt.Errorf("%s is not PEM", c.path(caKeyFile))
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.path(caKeyFile), err)
	}
	return ca, key, nil
}
