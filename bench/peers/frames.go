package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/collector/cgroups"
)

const (
	busyGroups = 60
	frameTicks = 120
	tickEvery  = 250 * time.Millisecond
)

// benchFrames records real cgroups under real, mixed load, then packs the
// recording both ways.
func benchFrames(r *report) error {
	ticks, err := record()
	if err != nil {
		return err
	}
	samples := 0
	for _, b := range ticks {
		samples += present(b)
	}
	r.printf("%d ticks of %d cgroups, a third each idle, busy now and then, busy; %d samples that are present "+
		"(absent ones are not counted, and not sent by remote write). Bytes include the dictionary.\n\n",
		len(ticks), len(ticks[0].Tables[0].Rows), samples)
	r.printf("| format | bytes a sample | encode, a sample | decode, a sample |\n|---|---:|---:|---:|\n")

	size, frames, err := encodeAll(ticks)
	if err != nil {
		return err
	}
	enc := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, _, err := encodeAll(ticks); err != nil {
				b.Fatal(err)
			}
		}
	})
	dec := testing.Benchmark(func(b *testing.B) {
		d := frame.NewDecoder()
		var key, delta frame.Batch
		for b.Loop() {
			for _, f := range frames {
				h, err := frame.Peek(f)
				if err != nil {
					b.Fatal(err)
				}
				if h.Keyframe() {
					err = d.Decode(f, nil, &key)
				} else {
					err = d.Decode(f, &key, &delta)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	line := func(name string, bytes int, enc, dec testing.BenchmarkResult) {
		per := func(b testing.BenchmarkResult) float64 { return float64(b.NsPerOp()) / float64(samples) }
		r.printf("| %s | %.3f | %.2f ns | %.2f ns |\n", name, float64(bytes)/float64(samples), per(enc), per(dec))
	}
	line("daytwo frames (zstd)", size, enc, dec)

	rw := newRemoteWrite()
	size, packed, err := rw.encodeAll(ticks)
	if err != nil {
		return err
	}
	enc = testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, _, err := rw.encodeAll(ticks); err != nil {
				b.Fatal(err)
			}
		}
	})
	dec = testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			for _, p := range packed {
				raw, err := rw.dec.DecodeAll(p, nil)
				if err != nil {
					b.Fatal(err)
				}
				var req writev2.Request
				if err := req.Unmarshal(raw); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	line("Prometheus remote write 2.0 + zstd", size, enc, dec)
	return nil
}

// record runs three sorts of processes in cgroups and reads them tick by tick.
func record() ([]*frame.Batch, error) {
	layout, err := cgroups.Detect()
	if err != nil {
		return nil, err
	}
	dirs, remove, err := makeGroups(layout, busyGroups)
	if err != nil {
		return nil, err
	}
	defer remove()
	scripts := []string{"sleep 1000",
		"while :; do dd if=/dev/zero of=/dev/null bs=1M count=20 2>/dev/null; sleep 1; done",
		"while :; do head -c 300000 /dev/urandom >/dev/null; sleep 0.05; done"}
	for i := range busyGroups {
		c := exec.Command("sh", "-c", scripts[i%len(scripts)])
		if err := c.Start(); err != nil {
			return nil, err
		}
		for _, d := range dirs {
			if err := os.WriteFile(filepath.Join(d, benchGroup, load.GroupName(i), "cgroup.procs"),
				[]byte(strconv.Itoa(c.Process.Pid)), 0); err != nil {
				return nil, err
			}
		}
	}
	defer func() { // before remove: a cgroup with processes stays
		for i := range busyGroups {
			killGroup(filepath.Join(dirs[0], benchGroup, load.GroupName(i)))
		}
	}()
	rd, err := cgroups.New(cgroups.Options{Layout: layout, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	var ticks []*frame.Batch
	rows := map[uint64]*frame.Row{}
	for i := range frameTicks {
		s, err := rd.Read()
		if err != nil {
			return nil, err
		}
		t := frame.Table{Kind: metric.Container, Gen: s.Gen, Vals: append([]int64(nil), s.Vals...)}
		for _, g := range s.Groups {
			if rows[g.ID] == nil {
				id := fmt.Sprintf("%064x", g.ID*0x9e3779b97f4a7c15)
				rows[g.ID] = &frame.Row{ID: g.ID, Key: g.Name, Labels: []frame.Label{{Name: "container_id", Value: id},
					{Name: "image", Value: "team/service:1.2.3"}, {Name: "name", Value: filepath.Base(g.Name)}, {Name: "runtime",
						Value: "docker"}}}
			}
			t.Rows = append(t.Rows, rows[g.ID])
		}
		now := time.Now().UnixNano()
		ticks = append(ticks, &frame.Batch{Header: frame.Header{Agent: "bench", Boot: 1, Seq: uint64(i + 1), Time: now,
			Interval: int64(tickEvery), Parts: 1}, Tables: []frame.Table{t}})
		time.Sleep(tickEvery)
	}
	return ticks, nil
}

// killGroup ends every process of a cgroup and waits until it is empty.
func killGroup(dir string) {
	for range 200 {
		b, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil || len(b) == 0 {
			return
		}
		exec.Command("sh", "-c", "kill -9 $(cat "+filepath.Join(dir, "cgroup.procs")+")").Run()
		time.Sleep(5 * time.Millisecond)
	}
}

func present(b *frame.Batch) int {
	n := 0
	for _, t := range b.Tables {
		for _, v := range t.Vals {
			if v != metric.Absent {
				n++
			}
		}
	}
	return n
}

func encodeAll(ticks []*frame.Batch) (size int, frames [][]byte, err error) {
	e := frame.NewEncoder(frame.EncoderOptions{})
	for _, b := range ticks {
		parts, err := e.Encode(b)
		if err != nil {
			return 0, nil, err
		}
		for _, p := range parts {
			size += len(p)
			frames = append(frames, append([]byte(nil), p...))
		}
	}
	return size, frames, nil
}

// remoteWrite packs a tick as a sender of remote write 2.0 would, with zstd for
// snappy so that only the formats differ.
type remoteWrite struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
	raw []byte
}

func newRemoteWrite() *remoteWrite {
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	d, _ := zstd.NewReader(nil)
	return &remoteWrite{enc: e, dec: d}
}

func (w *remoteWrite) encodeAll(ticks []*frame.Batch) (size int, packed [][]byte, err error) {
	for _, b := range ticks {
		symbols := writev2.NewSymbolTable()
		req := writev2.Request{}
		for ti := range b.Tables {
			t := &b.Tables[ti]
			cols := metric.Columns(t.Kind)
			for i, row := range t.Rows {
				base := []uint32{symbols.Symbolize("agent_id"), symbols.Symbolize(b.Agent), symbols.Symbolize("id"),
					symbols.Symbolize(row.Key)}
				for _, l := range row.Labels {
					base = append(base, symbols.Symbolize(l.Name), symbols.Symbolize(l.Value))
				}
				for c, v := range t.Row(i) {
					if v == metric.Absent {
						continue
					}
					refs := append(append(make([]uint32, 0, len(base)+2), base...), symbols.Symbolize("__name__"),
						symbols.Symbolize(cols[c].Prom))
					req.Timeseries = append(req.Timeseries, writev2.TimeSeries{LabelsRefs: refs,
						Samples: []writev2.Sample{{Value: cols[c].Value(v), Timestamp: b.Time / 1e6}}})
				}
			}
		}
		req.Symbols = symbols.Symbols()
		raw, err := req.Marshal()
		if err != nil {
			return 0, nil, err
		}
		p := w.enc.EncodeAll(raw, nil)
		size += len(p)
		packed = append(packed, p)
	}
	return size, packed, nil
}
