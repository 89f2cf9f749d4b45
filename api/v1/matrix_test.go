package v1

import (
	"encoding/json"
	"testing"
	"time"
)

func TestPointRoundTrip(t *testing.T) {
	p := Point{Time: time.UnixMilli(1_700_000_000_123), Value: 0.1}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != `[1700000000.123,"0.1"]` {
		t.Errorf("%s", b)
	}
	var q Point
	if err := json.Unmarshal(b, &q); err != nil || !q.Time.Equal(p.Time) || q.Value != p.Value {
		t.Errorf("%v, %v", q, err)
	}
	for _, bad := range []string{`{}`, `[1]`, `["1","2"]`, `[1,"x"]`, `[1,2]`} {
		if err := json.Unmarshal([]byte(bad), &q); err == nil {
			t.Errorf("%s is taken for a point", bad)
		}
	}
}
