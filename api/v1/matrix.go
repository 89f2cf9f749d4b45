package v1

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Matrix is the answer to a query, in the format of a Prometheus matrix. Rates,
// percentiles and numbers of distinct members are gauges.
type Matrix struct {
	Metric string   `json:"metric"` // native name with its kind: "container.cpu.usage"
	Unit   string   `json:"unit"`
	Type   string   `json:"type"` // of all series: "counter", "gauge" or Mixed
	Result []Series `json:"result"`
}

// Mixed is the type of a Matrix in which some series are counters and some are not: of a
// StatsD name that is sent with several types. The label __type__ of each series is the
// type with which it was sent.
const Mixed = "mixed"

// Series is the points of one row over time.
type Series struct {
	Labels map[string]string `json:"metric"`
	Points []Point           `json:"values"`
}

// Point is a value at a time. In JSON it is the pair [seconds, "value"] of Prometheus, with
// a precision of milliseconds.
type Point struct {
	Time  time.Time
	Value float64
}

// MarshalJSON writes [seconds, "value"].
func (p Point) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 48), '[')
	b = strconv.AppendFloat(b, float64(p.Time.UnixMilli())/1e3, 'f', -1, 64)
	b = append(b, `,"`...)
	b = strconv.AppendFloat(b, p.Value, 'g', -1, 64)
	return append(b, `"]`...), nil
}

// UnmarshalJSON reads [seconds, "value"].
func (p *Point) UnmarshalJSON(b []byte) error {
	var pair [2]json.RawMessage
	var seconds float64
	var value string
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if err := json.Unmarshal(pair[0], &seconds); err != nil {
		return err
	}
	if err := json.Unmarshal(pair[1], &value); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return fmt.Errorf("a point's value: %w", err)
	}
	p.Time, p.Value = time.UnixMilli(int64(seconds*1e3+0.5)), v
	return nil
}
