package sinks

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
	"github.com/daytwo/daytwo/relay/sinks/splunk"
)

// L-A15 with a real receiver, by the two ways in which a whole record is one event. What every
// way of TestReceivers has in common is tested there.
func TestLA15SplunkJSON(t *testing.T) {
	t.Parallel()
	g := collectors(t)["hec"]
	g.start()
	had := 0
	for name, c := range map[string]*splunk.Config{"raw": {Raw: true}, "json": {Event: "json"}} {
		c.URL, c.Token, c.Ack = "http://"+g.address, sink.File(secret(t, token)), true
		s := open(t, c)
		batch := testlog.Odd()
		for i, r := range batch {
			if most := c.Limits().Record; r.Size > most { // as the relay does
				batch[i], _ = r.CutTo(most)
			}
		}
		delivered(t, s.Write(t.Context(), batch))
		var all []otelRecord
		rig.Eventually(t, 10*time.Second, func() error {
			if all = records(t, g.out); len(all) < had+len(batch) {
				return fmt.Errorf("%d records of %d", len(all)-had, len(batch))
			}
			return nil
		})
		all = all[had:]
		had += len(all)
		want := map[string]*sink.Record{}
		for _, r := range batch {
			want[r.ID] = r
		}
		for _, r := range all {
			x := documents(t, append(r.Body, '\n'))[0]
			p := want[x.id]
			if p == nil || !bytes.Equal(x.message, p.Text()) || x.cut != (p.Cut > 0) {
				t.Errorf("%s: %s arrived as %.100q", name, x.id, x.message)
			}
			delete(want, x.id)
		}
		if len(want) > 0 {
			t.Errorf("%s: %d records did not arrive", name, len(want))
		}
	}
}

// A token that is wrong delivers nothing, and one that is corrected all.
func TestSplunkToken(t *testing.T) {
	t.Parallel()
	g := collectors(t)["hec"]
	g.start()
	path := filepath.Join(t.TempDir(), "token")
	configure(t, path, "other")
	s := open(t, &splunk.Config{URL: "http://" + g.address, Token: sink.File(path), Ack: true})
	if res := s.Write(t.Context(), testlog.Records(0, 3)); len(res.Retry) != 3 || s.Test(t.Context()) == nil {
		t.Errorf("%+v", res)
	}
	configure(t, path, token)
	if err := s.Test(t.Context()); err != nil {
		t.Error(err)
	}
	delivered(t, s.Write(t.Context(), testlog.Records(0, 3)))
}
