package logs

import (
	"net/http"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/api/server/web"
)

// Options of an API.
type Options struct {
	Logs    query.Logs                            // if nil, every request is answered with status 501
	Streams *logstream.Streams                    // default: of its own
	Scope   func(r *http.Request) *query.LogScope // what the asker may see; nil: everything
	Now     func() time.Time                      // default time.Now
}

// API answers the routes of log entries. It is safe for concurrent use.
type API struct {
	o Options
}

// New returns an API.
func New(o Options) *API {
	if o.Scope == nil {
		o.Scope = func(*http.Request) *query.LogScope { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Streams == nil {
		o.Streams = logstream.New(logstream.Options{Now: o.Now})
	}
	return &API{o: o}
}

// Routes returns the routes. All of them show log entries, and require the token.
func (a *API) Routes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/api/v1/logs", Handle: a.served(a.entries), Stream: true},
		{Method: "GET", Path: "/api/v1/logs/entries", Handle: a.served(a.gatewayEntries), Stream: true},
		{Method: "GET", Path: "/api/v1/logs/fields", Handle: a.served(a.fields)},
		{Method: "GET", Path: "/api/v1/logs/values", Handle: a.served(a.values)},
		{Method: "GET", Path: "/api/v1/logs/histogram", Handle: a.served(a.histogram)},
		{Method: "GET", Path: "/api/v1/logs/boots", Handle: a.served(a.boots)},
	}
}

// served answers with an error where there are no logs, and gives the errors of
// query.Logs their status.
func (a *API) served(h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if a.o.Logs == nil {
			return &web.Error{Status: http.StatusNotImplemented, Message: "this server has no logs: ask a relay"}
		}
		return answerError(w, r, h(w, r))
	}
}
