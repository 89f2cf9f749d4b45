package sessions

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/timespec"
	"github.com/daytwo/daytwo/api/v1"
)

const (
	defaultListed = 100
	maxListed     = 1000
	maxText       = 1024 // bytes of what is searched for
	piecesAtOnce  = 64 << 10
)

// kept returns the relay's recordings, and what a request selects of them.
func (a *API) kept(r *http.Request) (broker.Recordings, *broker.RecordingQuery, error) {
	kept, ok := a.Sessions.(broker.Recordings)
	if !ok {
		return nil, nil, errOff
	}
	p := r.URL.Query()
	q := &broker.RecordingQuery{Session: p.Get("session"), User: p.Get("user"), Container: p.Get("container"),
		Agent: p.Get("agent"), After: p.Get("after"), Limit: defaultListed}
	for _, t := range []struct {
		name string
		to   *time.Time
	}{{"since", &q.Since}, {"until", &q.Until}} {
		if text := p.Get(t.name); text != "" {
			at, err := timespec.Parse(text, time.Now())
			if err != nil {
				return nil, nil, web.BadRequest("%s: %v", t.name, err)
			}
			*t.to = at
		}
	}
	if text := p.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxListed {
			return nil, nil, web.BadRequest("limit: write a number from 1 to %d", maxListed)
		}
		q.Limit = n
	}
	return kept, q, nil
}

// recordings answers GET /api/v1/recordings.
func (a *API) recordings(w http.ResponseWriter, r *http.Request) error {
	kept, q, err := a.kept(r)
	if err != nil {
		return err
	}
	list, more, err := kept.Recordings(r.Context(), a.asker(r), q)
	if err != nil {
		return answer(err)
	}
	doc := v1.Recordings{Recordings: make([]v1.Recording, len(list)), More: more}
	for i := range list {
		doc.Recordings[i] = v1.Recording(list[i])
	}
	return web.WriteJSON(w, r, doc)
}

// matches answers GET /api/v1/recordings/matches.
func (a *API) matches(w http.ResponseWriter, r *http.Request) error {
	kept, q, err := a.kept(r)
	if err != nil {
		return err
	}
	s := recording.Query{Text: r.URL.Query().Get("text"), IgnoreCase: r.URL.Query().Get("ignore_case") == "1",
		Limit: q.Limit}
	if s.Text == "" || len(s.Text) > maxText {
		return web.BadRequest("text: write what is searched for, at most %d bytes", maxText)
	}
	found, err := kept.SearchRecordings(r.Context(), a.asker(r), q, &s)
	if err != nil {
		return answer(err)
	}
	doc := v1.RecordingMatches{Matches: make([]v1.RecordingMatch, len(found.Matches)), Encrypted: found.Encrypted,
		Failed: found.Failed, More: found.More}
	for i := range found.Matches {
		doc.Matches[i] = v1.RecordingMatch(found.Matches[i])
	}
	return web.WriteJSON(w, r, doc)
}

// recordingFile answers GET /api/v1/recordings/{session}/{piece} with the file as it is. Of one
// that is written now it has what is there.
func (a *API) recordingFile(w http.ResponseWriter, r *http.Request) error {
	kept, _, err := a.kept(r)
	if err != nil {
		return err
	}
	f, info, err := kept.OpenRecording(r.Context(), a.asker(r), r.PathValue("session"), r.PathValue("piece"))
	if err != nil {
		return answer(err)
	}
	defer f.Close()
	kind := recording.TypeCast
	if info.Encrypted {
		kind = recording.TypeAge
	}
	w.Header().Set("Content-Type", kind)
	if !info.Active {
		w.Header().Set("Content-Length", strconv.FormatInt(info.Bytes, 10))
	}
	deadline := http.NewResponseController(w)
	buf := make([]byte, piecesAtOnce)
	for {
		n, err := f.Read(buf)
		if n > 0 {
			_ = deadline.SetWriteDeadline(time.Now().Add(writeTime))
			if _, err := w.Write(buf[:n]); err != nil {
				return nil // the client is gone
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			panic(http.ErrAbortHandler) // a part must not pass for the whole
		}
	}
}
