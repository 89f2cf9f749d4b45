package sessions

import (
	"mime"
	"net/http"
	"strings"

	"github.com/daytwo/daytwo/api/server/web"
)

// Media types, as Mesos writes them. Clients compare them to the letter.
const (
	typeJSON     = "application/json"
	typeProtobuf = "application/x-protobuf"
	typeRecordIO = "application/recordio"
)

// encoding is how a message is written.
type encoding uint8

const (
	asJSON encoding = iota
	asProtobuf
)

func (e encoding) String() string {
	if e == asProtobuf {
		return typeProtobuf
	}
	return typeJSON
}

// parse decodes a call.
func (e encoding) parse(b []byte) (*call, error) {
	if e == asProtobuf {
		return parseProto(b)
	}
	return parseJSON(b)
}

// mediaType returns the media type of a header, without its parameters.
func mediaType(r *http.Request, header string) string {
	t, _, err := mime.ParseMediaType(r.Header.Get(header))
	if err != nil {
		return ""
	}
	return t
}

// encodingOf returns the encoding of a media type, and reports whether there is one.
func encodingOf(t string) (encoding, bool) {
	switch t {
	case typeJSON:
		return asJSON, true
	case typeProtobuf:
		return asProtobuf, true
	}
	return asJSON, false
}

// accepts returns the encoding in which a client wants the messages of an answer: that of its
// Message-Accept for a stream, else the first one that its Accept headers name. DC/OS' Go client
// sends two of those. Without any it is that of the call.
func accepts(r *http.Request, stream bool, of encoding) (encoding, error) {
	header := "Accept"
	if stream {
		header = "Message-Accept"
	}
	asked := false
	for _, line := range r.Header.Values(header) {
		for part := range strings.SplitSeq(line, ",") {
			t, _, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			if e, ok := encodingOf(t); ok {
				return e, nil
			}
			asked = asked || t != "*/*" && t != "application/*"
		}
	}
	if asked {
		return 0, &web.Error{Status: http.StatusNotAcceptable,
			Message: header + " has to allow " + typeJSON + " or " + typeProtobuf}
	}
	return of, nil
}
