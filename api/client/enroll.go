package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/daytwo/daytwo/api/v1"
)

// NewPinned is NewTLS without a token, for a relay whose certificate may also be of an
// authority that the relay itself presents, if trusted knows that one.
func NewPinned(relay string, roots *x509.CertPool, trusted func(*x509.Certificate) bool) (*Client, error) {
	c, err := NewTLS(relay, "", roots)
	if err != nil {
		return nil, err
	}
	host := c.base.Hostname()
	transport := c.http.Transport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection verifies it
		VerifyConnection: func(s tls.ConnectionState) error {
			o := x509.VerifyOptions{Roots: roots, DNSName: host, Intermediates: x509.NewCertPool()}
			pinned := x509.NewCertPool()
			found := false
			for _, cert := range s.PeerCertificates[1:] {
				o.Intermediates.AddCert(cert)
				if cert.IsCA && trusted(cert) {
					pinned.AddCert(cert)
					found = true
				}
			}
			_, err := s.PeerCertificates[0].Verify(o)
			if err != nil && found {
				o.Roots = pinned
				_, err = s.PeerCertificates[0].Verify(o)
			}
			return err
		},
	}
	return c, nil
}

// Enroll makes a machine a node of the cluster.
func (c *Client) Enroll(ctx context.Context, q v1.EnrollRequest) (*v1.Enrolled, error) {
	var answer v1.Enrolled
	if err := c.postJSON(ctx, "/api/v1/enroll", q, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

// EnrollCodes makes enrolment codes.
func (c *Client) EnrollCodes(ctx context.Context, q v1.EnrollCodesRequest) (*v1.EnrollCodes, error) {
	var answer v1.EnrollCodes
	if err := c.postJSON(ctx, "/api/v1/enroll/codes", q, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

// EnrolledNodes returns the credentials of nodes.
func (c *Client) EnrolledNodes(ctx context.Context) ([]v1.EnrolledNode, error) {
	var answer v1.EnrolledNodes
	_, err := c.get(ctx, "/api/v1/enroll/nodes", nil, &answer)
	return answer.Nodes, err
}

// RevokeNode revokes all credentials of a node.
func (c *Client) RevokeNode(ctx context.Context, agent string) (*v1.NodeRevoked, error) {
	var answer v1.NodeRevoked
	if err := c.postJSON(ctx, "/api/v1/enroll/nodes/"+url.PathEscape(agent)+"/revoke", nil, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

// postJSON sends a document, and decodes the answer. A refusal keeps the words of the relay.
func (c *Client) postJSON(ctx context.Context, path string, q, answer any) error {
	var body []byte
	if q != nil {
		var err error
		if body, err = json.Marshal(q); err != nil {
			return err
		}
	}
	req, err := c.request(ctx, path, nil)
	if err != nil {
		return err
	}
	req.Method, req.Body, req.ContentLength = http.MethodPost, io.NopCloser(bytes.NewReader(body)), int64(len(body))
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return answerError(resp)
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(answer)
	if err != nil {
		return fmt.Errorf("%s is not a daytwo relay: the answer to %s is not the expected JSON: %w", c.base, path, err)
	}
	return nil
}

// Refused reports whether err is an answer that stays the same if the request is sent again.
func Refused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests
}
