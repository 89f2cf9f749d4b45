package sessions

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
)

// decodeOutput returns what records of output have, by stream, and the size of the largest one.
func decodeOutput(t *testing.T, enc encoding, body []byte) (data map[stream]string, beats, largest int) {
	t.Helper()
	data = map[stream]string{}
	records := newRecordReader(bytes.NewReader(body))
	for {
		b, err := records.next()
		if err != nil {
			return data, beats, largest
		}
		largest = max(largest, len(b))
		s, p := stream(0), []byte(nil)
		if enc == asJSON {
			var m struct {
				Type string
				Data struct {
					Type string
					Data []byte
				}
			}
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatalf("%v in %s", err, b)
			}
			s, p = map[string]stream{"STDOUT": stdout, "STDERR": stderr}[m.Data.Type], m.Data.Data
			if m.Type == "CONTROL" {
				beats++
				continue
			}
		} else {
			kind := uint64(0)
			err := eachField(b, func(f field) error {
				switch f.number {
				case 1:
					kind = f.value
				case 2:
					return eachField(f.bytes, func(f field) error {
						if f.number == 1 {
							s = stream(f.value)
						} else {
							p = f.bytes
						}
						return nil
					})
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if kind == 2 {
				beats++
				continue
			}
		}
		if len(p) == 0 || s == 0 {
			t.Fatalf("a record without data, or of no stream: %q", b)
		}
		data[s] += string(p)
	}
}

// Records are small and never empty, and the headers are those that clients compare.
func TestOutput(t *testing.T) {
	long := strings.Repeat("0123456789abcde\n", 6000)
	for _, enc := range []encoding{asJSON, asProtobuf} {
		w := httptest.NewRecorder()
		o := newOutput(w, enc, false)
		o.begin()
		if w.Code != http.StatusOK || !w.Flushed || w.Header().Get("Content-Type") != "application/recordio" ||
			w.Header().Get("Message-Content-Type") != enc.String() || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%v: %d, %v", enc, w.Code, w.Header())
		}
		for _, p := range []string{"a", "", long} {
			if n, err := o.of(stdout).Write([]byte(p)); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
		}
		if _, err := o.of(stderr).Write([]byte("err\xff")); err != nil {
			t.Fatal(err)
		}
		o.heartbeat(30 * time.Second)
		data, beats, largest := decodeOutput(t, enc, w.Body.Bytes())
		if data[stdout] != "a"+long || data[stderr] != "err\xff" || beats != 1 {
			t.Errorf("%v: %d and %d bytes, %d heartbeats", enc, len(data[stdout]), len(data[stderr]), beats)
		}
		if largest > 16<<10 || largest < 8<<10 {
			t.Errorf("%v: a record of %d bytes", enc, largest)
		}
	}
}

// The bytes are those that DC/OS' clients were seen to read.
func TestOutputBytes(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{string(appendData(nil, asJSON, stdout, []byte("meow!"))),
			`58` + "\n" + `{"type":"DATA","data":{"type":"STDOUT","data":"` +
				base64.StdEncoding.EncodeToString([]byte("meow!")) + `"}}`},
		{string(appendData(nil, asProtobuf, stderr, []byte("meow"))), "12\n\x08\x01\x12\x08\x08\x03\x12\x04meow"},
		{string(appendHeartbeat(nil, asJSON, 30*time.Second)),
			`102` + "\n" + `{"type":"CONTROL","control":{"type":"HEARTBEAT","heartbeat":` +
				`{"interval":{"nanoseconds":30000000000}}}}`},
		{string(appendHeartbeat(nil, asProtobuf, time.Second)),
			"16\n\x08\x02\x1a\x0c\x08\x02\x1a\x08\x0a\x06\x08\x80\x94\xeb\xdc\x03"},
		{string(appendStatus(nil, asProtobuf, 7<<8)), "\x08\x0f\x82\x01\x03\x08\x80\x0e"},
		{string(appendStatus(nil, asJSON, 9)), `{"type":"WAIT_CONTAINER","wait_container":{"exit_status":9}}`},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestWaitStatus(t *testing.T) {
	for _, c := range []struct {
		exit session.Exit
		want int
	}{
		{session.Exit{}, 0}, {session.Exit{Code: 7}, 7 << 8}, {session.Exit{Code: 255}, 255 << 8},
		{session.Exit{Code: 137, Signal: 9}, 9}, {session.Exit{Code: 143, Signal: 15, Reason: session.Killed}, 15},
		{session.Exit{Code: 127, Reason: session.NotStarted}, 127 << 8},
		{session.Exit{Reason: session.IdleLimit}, 255 << 8}, {destroyed, 9},
	} {
		if got := waitStatus(c.exit); got != c.want {
			t.Errorf("%+v: %#x, want %#x", c.exit, got, c.want)
		}
	}
}

type failing struct{ *httptest.ResponseRecorder }

func (failing) Write([]byte) (int, error) { return 0, errors.New("the client went away") }

// A client that went away ends the session that writes to it.
func TestOutputFails(t *testing.T) {
	o := newOutput(failing{httptest.NewRecorder()}, asJSON, false)
	o.begin()
	for range 2 {
		if n, err := o.of(stdout).Write([]byte("x")); n != 0 || err == nil {
			t.Errorf("%d, %v", n, err)
		}
	}
}
