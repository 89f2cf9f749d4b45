package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/setting"
	"github.com/daytwo/daytwo/api/v1"
)

// Enrollment lets nodes into the cluster and out of it. Its errors are *web.Error, or a
// *WaitError for one who guesses codes, where the client can do something about them.
type Enrollment interface {
	// Enroll returns the credential of a node with a code. address is where the request
	// comes from.
	Enroll(q v1.EnrollRequest, address string) (v1.Enrolled, error)
	// Codes makes enrolment codes. agent is the only node that may use them, "" for any.
	Codes(n int, agent string, valid time.Duration) (v1.EnrollCodes, error)
	// Nodes returns the credentials of all nodes.
	Nodes() ([]v1.EnrolledNode, error)
	// Revoke ends all credentials of a node, and its connections.
	Revoke(ctx context.Context, agent string) (v1.NodeRevoked, error)
}

// Limits of requests about enrolment.
const (
	maxEnroll      = 8 << 10 // bytes of the body
	maxCodes       = 1000    // of one request
	maxCodeExpires = 30 * 24 * time.Hour
)

// enrollRoutes let machines become nodes, and look after those that are.
func (s *server) enrollRoutes() []web.Route {
	return []web.Route{
		{Method: "POST", Path: "/api/v1/enroll", Handle: s.enroll},
		{Method: "POST", Path: "/api/v1/enroll/codes", Handle: s.enrollCodes},
		{Method: "GET", Path: "/api/v1/enroll/nodes", Handle: s.enrolledNodes},
		{Method: "POST", Path: "/api/v1/enroll/nodes/{agent}/revoke", Handle: s.revokeNode},
	}
}

// errNoKeys is the answer of a relay that does not have the keys of its cluster.
var errNoKeys = &web.Error{Status: http.StatusNotImplemented,
	Message: "this relay does not have the cluster's keys: ask the one that was started with --cluster-keys"}

// enroll answers POST /api/v1/enroll. The code is all the proof that it requires.
func (s *server) enroll(w http.ResponseWriter, r *http.Request) error {
	if s.Enrollment == nil {
		return errNoKeys
	}
	var q v1.EnrollRequest
	if err := readBody(w, r, &q); err != nil {
		return err
	}
	if err := setting.CheckAgentID(q.AgentID); err != nil {
		return web.BadRequest("agent_id: %v", err)
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	doc, err := s.Enrollment.Enroll(q, address)
	s.recordEnroll(r, q.AgentID, err)
	var wait *WaitError
	switch {
	case errors.As(err, &wait):
		w.Header().Set("Retry-After", fmt.Sprint(int(math.Ceil(wait.For.Seconds()))))
		return &web.Error{Status: http.StatusTooManyRequests, Message: err.Error()}
	case err != nil:
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.WriteJSON(w, r, doc)
}

// recordEnroll adds an attempt to become a node to the audit log.
func (s *server) recordEnroll(r *http.Request, agent string, err error) {
	if s.Audit == nil {
		return
	}
	rec := audit.Record{From: r.RemoteAddr, What: r.Method + " " + r.URL.Path, Object: agent, Decision: audit.Allowed}
	if err != nil {
		rec.Decision, rec.Error = audit.Refused, err.Error()
	}
	s.Audit(rec)
}

// enrollCodes answers POST /api/v1/enroll/codes.
func (s *server) enrollCodes(w http.ResponseWriter, r *http.Request) error {
	if s.Enrollment == nil {
		return errNoKeys
	}
	var q v1.EnrollCodesRequest
	if err := readBody(w, r, &q); err != nil {
		return err
	}
	valid := time.Duration(q.Expires * float64(time.Second))
	switch {
	case q.Count < 1 || q.Count > maxCodes:
		return web.BadRequest("count: %d is not from 1 to %d", q.Count, maxCodes)
	case !(q.Expires >= 1 && q.Expires <= maxCodeExpires.Seconds()):
		return web.BadRequest("expires: %v is not from 1 second to %v", q.Expires, maxCodeExpires)
	}
	if q.AgentID != "" {
		if err := setting.CheckAgentID(q.AgentID); err != nil {
			return web.BadRequest("agent_id: %v", err)
		}
	}
	doc, err := s.Enrollment.Codes(q.Count, q.AgentID, valid)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.WriteJSON(w, r, doc)
}

// enrolledNodes answers GET /api/v1/enroll/nodes.
func (s *server) enrolledNodes(w http.ResponseWriter, r *http.Request) error {
	if _, err := params(r); err != nil {
		return err
	}
	if s.Enrollment == nil {
		return errNoKeys
	}
	nodes, err := s.Enrollment.Nodes()
	if err != nil {
		return err
	}
	return web.WriteJSON(w, r, v1.EnrolledNodes{Nodes: append([]v1.EnrolledNode{}, nodes...)})
}

// revokeNode answers POST /api/v1/enroll/nodes/{agent}/revoke.
func (s *server) revokeNode(w http.ResponseWriter, r *http.Request) error {
	if s.Enrollment == nil {
		return errNoKeys
	}
	doc, err := s.Enrollment.Revoke(r.Context(), r.PathValue("agent"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, r, doc)
}

// readBody decodes the JSON body of a request, in which every key must be known.
func readBody(w http.ResponseWriter, r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxEnroll))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil && dec.More() {
		err = errors.New("it has more than one value")
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it is empty")
	}
	if err != nil {
		return web.BadRequest("the body is not the expected JSON (see /api/v1/openapi.json): %v", err)
	}
	return nil
}
