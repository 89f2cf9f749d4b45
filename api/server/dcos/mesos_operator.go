package dcos

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/daytwo/daytwo/api/server/web"
	"google.golang.org/protobuf/encoding/protowire"
)

// Types of calls and responses of Mesos' operator API
// (mesos/v1/master/master.proto).
const (
	callGetAgents         = 10
	callGetFrameworks     = 11
	responseGetAgents     = 9
	responseGetFrameworks = 10
	protobufType          = "application/x-protobuf"
)

// operatorAPI answers the two calls of Mesos' operator API that DC/OS' command
// line needs to list nodes and tasks.
func (s *API) operatorAPI(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Content-Type") != protobufType {
		return &web.Error{Status: http.StatusUnsupportedMediaType,
			Message: "send a call of Mesos' operator API as " + protobufType}
	}
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &web.Error{Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("the call is larger than %d bytes", large.Limit)}
	}
	if err != nil {
		return web.BadRequest("the call cannot be read: %v", err)
	}
	call, ok := callType(body)
	if !ok {
		return web.BadRequest("the call is not a message of Mesos' operator API")
	}
	switch call {
	case callGetAgents:
		body = s.agentsMessage()
	case callGetFrameworks:
		body = s.frameworksMessage()
	default:
		return &web.Error{Status: http.StatusNotImplemented,
			Message: "only GET_AGENTS and GET_FRAMEWORKS are supported"}
	}
	web.WriteBody(w, r, protobufType, body)
	return nil
}

// callType returns field 1, the type, of a call. ok is false if b is no message or
// has no type.
func callType(b []byte) (call uint64, ok bool) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return 0, false
		}
		b = b[n:]
		if num == 1 && typ == protowire.VarintType {
			if call, n = protowire.ConsumeVarint(b); n < 0 {
				return 0, false
			}
			ok = true
		} else if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return 0, false
		}
		b = b[n:]
	}
	return call, ok
}

// agentsMessage returns Response{type: GET_AGENTS, get_agents: {agents: [...]}}.
func (s *API) agentsMessage() []byte {
	var agents []byte
	for _, a := range s.Fleet.Agents() {
		info := appendText(nil, 1, agentHost(a))
		info = appendBytes(info, 6, appendText(nil, 1, a.ID))
		agent := appendBytes(nil, 1, info)
		agent = appendBool(agent, 2, !a.Stale)
		agent = appendText(agent, 3, s.Version)
		agent = appendText(agent, 4, "slave(1)@"+agentHost(a)+":5051")
		agents = appendBytes(agents, 1, agent)
	}
	return appendBytes(appendNumber(nil, 1, responseGetAgents), 10, agents)
}

// frameworksMessage returns Response{type: GET_FRAMEWORKS, get_frameworks:
// {frameworks: [...], completed_frameworks: [...]}}.
func (s *API) frameworksMessage() []byte {
	agents := s.Fleet.Agents()
	active := s.frameworks(agents)
	completed := s.completed(agents, active)
	message := appendFrameworks(nil, 1, active)
	message = appendFrameworks(message, 2, completed)
	return appendBytes(appendNumber(nil, 1, responseGetFrameworks), 11, message)
}

// appendFrameworks appends each framework as a field of a number.
func appendFrameworks(dst []byte, num protowire.Number, list []framework) []byte {
	for _, f := range list {
		info := appendText(nil, 1, f.User)
		info = appendText(info, 2, f.Name)
		info = appendBytes(info, 3, appendText(nil, 1, f.ID))
		fw := appendBytes(nil, 1, info)
		fw = appendBool(fw, 2, f.Active)
		fw = appendBool(fw, 3, f.Active)
		fw = appendBool(fw, 11, false)
		dst = appendBytes(dst, num, fw)
	}
	return dst
}

func appendBytes(dst []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, num, protowire.BytesType), v)
}

func appendText(dst []byte, num protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, num, protowire.BytesType), v)
}

func appendNumber(dst []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, num, protowire.VarintType), v)
}

func appendBool(dst []byte, num protowire.Number, v bool) []byte {
	return appendNumber(dst, num, protowire.EncodeBool(v))
}
