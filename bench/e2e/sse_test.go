package e2e

import (
	"bufio"
	"context"
	"net/http"
	"strings"

	"github.com/daytwo/daytwo/bench/rig"
)

// sseOnce reads one stream of server-sent events until it breaks, from the last event on,
// and returns the id of the last one that was whole. It sends their data on.
func sseOnce(ctx context.Context, relay rig.API, path, last string, lines chan<- string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, relay.URL+path, nil)
	if err != nil {
		panic(err) // the path is valid
	}
	req.Header.Set("Authorization", "Bearer "+relay.Token)
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return last
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return last
	}
	id, data := last, ""
	for in := bufio.NewReader(resp.Body); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return last
		}
		line = strings.TrimSuffix(line, "\n")
		switch name, value, _ := strings.Cut(line, ": "); {
		case line == "" && data != "":
			select {
			case lines <- data:
			case <-ctx.Done():
				return last
			}
			last, data = id, ""
		case name == "id":
			id = value
		case name == "data":
			data = value
		}
	}
}
