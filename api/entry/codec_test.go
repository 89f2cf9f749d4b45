package entry

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
)

// random makes records that resemble those of a journal, and some that do not.
func random(r *rand.Rand, n int) (list []Record) {
	text := func(most int) string {
		b := make([]byte, r.IntN(most+1))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}
	for i := range n {
		if r.IntN(10) == 0 {
			list = append(list, Record{Event: &Event{Kind: Vacuumed, Time: r.Int64() - r.Int64(), Agent: text(10),
				Source: text(5),
				Count:  r.Uint64(), Message: text(50)}})
			continue
		}
		e := &Entry{Realtime: r.Int64() - r.Int64(), Monotonic: r.Int64() - r.Int64(), Cursor: text(20)}
		if r.IntN(2) == 0 {
			e.Realtime, e.Monotonic = 1_700_000_000_000_000+int64(i), NoMonotonic
			e.Cursor = fmt.Sprintf("s=0123456789abcdef;i=%x;b=00;m=%x;t=%x;x=%x", i, i*7, i*9, r.Uint64())
		}
		binary.BigEndian.PutUint16(e.Boot[:], uint16(r.IntN(3)))
		for t := range e.Origin {
			e.Origin[t] = []string{"", "a", "web", text(30)}[r.IntN(4)]
		}
		for range r.IntN(20) {
			e.Fields = append(e.Fields, Field{fmt.Sprint("FIELD_", r.IntN(12)),
				[]byte([]string{"", "6", "same", text(300)}[r.IntN(4)])})
		}
		list = append(list, Record{Entry: e})
	}
	return list
}

func (e *Encoder) addAll(t testing.TB, list []Record) {
	t.Helper()
	for _, r := range list {
		var err error
		if r.Entry != nil {
			err = e.Add(r.Entry)
		} else {
			err = e.AddEvent(r.Event)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// messages encodes records.
func messages(t testing.TB, e *Encoder, h Header, maxMessage int, list []Record) (all [][]byte) {
	t.Helper()
	e.addAll(t, list)
	err := e.Finish(h, maxMessage, func(m []byte) error {
		if maxMessage > 0 && len(m) > maxMessage {
			t.Errorf("a message has %d bytes, more than %d", len(m), maxMessage)
		}
		all = append(all, bytes.Clone(m))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// decode returns copies of all records of messages that are one batch.
func decode(d *Decoder, all [][]byte) (h Header, list []Record, err error) {
	for i, m := range all {
		var complete bool
		if h, complete, err = d.Decode(m); err != nil {
			return h, nil, err
		}
		if complete != (i == len(all)-1) {
			return h, nil, fmt.Errorf("message %d of %d: complete %v", i, len(all), complete)
		}
	}
	for {
		rec, ok, err := d.Next()
		if err != nil || !ok {
			return h, list, err
		}
		if rec.Entry != nil {
			rec.Entry = rec.Entry.Clone()
			if len(rec.Entry.Fields) == 0 {
				rec.Entry.Fields = nil
			}
			for i, f := range rec.Entry.Fields {
				if f.Value == nil {
					rec.Entry.Fields[i].Value = []byte{}
				}
			}
		} else {
			event := *rec.Event
			rec.Event = &event
		}
		list = append(list, rec)
	}
}

func equal(t *testing.T, got, want []Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("record %d: %+v, %+v\nwant %+v, %+v", i, got[i].Entry, got[i].Event, want[i].Entry, want[i].Event)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	var e Encoder
	var d Decoder
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		want := random(r, r.IntN(100))
		h := Header{Agent: "agent", Boot: r.Uint64(), Seq: seed}
		maxMessage := []int{0, 200, 5000, 1 << 20}[seed%4]
		got, list, err := decode(&d, messages(t, &e, h, maxMessage, want))
		if err != nil || got.Agent != h.Agent || got.Boot != h.Boot || got.Seq != seed || got.Count != len(want) {
			t.Fatalf("seed %d: %+v, %v", seed, got, err)
		}
		equal(t, list, want)
	}
}

// An entry of many megabytes goes in as many messages as it takes (L-A4).
func TestLargeEntry(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	big := make([]byte, 20<<20)
	for i := range big {
		big[i] = byte(r.Uint32())
	}
	want := []Record{{Entry: &Entry{Fields: []Field{{"MESSAGE", big}}}}}
	var e Encoder
	var d Decoder
	all := messages(t, &e, Header{Agent: "a"}, 1<<20, want)
	if len(all) < 20 {
		t.Errorf("%d messages", len(all))
	}
	_, list, err := decode(&d, all)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, list, want)
	// A part that is lost, comes twice or comes before its turn costs the batch, and no other.
	small := []Record{{Entry: &Entry{Cursor: "c"}}}
	next := messages(t, &e, Header{Agent: "a", Seq: 1}, 1<<20, small)
	for what, parts := range map[string][][]byte{
		"lost":  append(append([][]byte{}, all[:3]...), all[4:]...),
		"twice": append(append([][]byte{}, all[:3]...), all[2:]...),
		"first": all[1:],
	} {
		failed := false
		for _, m := range parts {
			_, complete, err := d.Decode(m)
			failed = failed || errors.Is(err, ErrCorrupt)
			if complete {
				t.Errorf("%s: complete", what)
			}
		}
		if !failed {
			t.Errorf("%s: no error", what)
		}
		if _, list, err := decode(&d, next); err != nil || len(list) != 1 {
			t.Errorf("%s: the next batch: %v", what, err)
		}
	}
}

func TestLimits(t *testing.T) {
	var e Encoder
	fields := make([]Field, MaxFields+1)
	for name, x := range map[string]*Entry{
		"fields": {Fields: fields},
		"name":   {Fields: []Field{{strings.Repeat("N", MaxName+1), nil}}},
		"value":  {Fields: []Field{{"MESSAGE", make([]byte, MaxBatch)}}},
		"cursor": {Cursor: strings.Repeat("c", MaxCursor+1)},
		"tag":    {Origin: Origin{strings.Repeat("t", MaxTag+1)}},
	} {
		if err := e.Add(x); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if e.Count() != 0 || e.Size() != 0 {
		t.Errorf("%d records, %d bytes are left", e.Count(), e.Size())
	}
	for i := range fields {
		fields[i].Name = fmt.Sprint("F", i%5000)
	}
	want := []Record{{Entry: &Entry{Realtime: math.MinInt64, Cursor: strings.Repeat("c", MaxCursor),
		Fields: fields[:MaxFields]}}}
	var d Decoder
	_, list, err := decode(&d, messages(t, &e, Header{Agent: strings.Repeat("a", MaxAgent)}, 0, want))
	if err != nil || len(list) != 1 || len(list[0].Entry.Fields) != MaxFields {
		t.Errorf("what is at the limits: %v", err)
	}
}

// Every damage is noticed.
func TestDamage(t *testing.T) {
	var e Encoder
	var d Decoder
	m := messages(t, &e, Header{Agent: "a"}, 0, random(rand.New(rand.NewPCG(3, 3)), 5))[0]
	for i := range m {
		for bit := range 8 {
			bad := bytes.Clone(m)
			bad[i] ^= 1 << bit
			if _, _, err := d.Decode(bad); err == nil {
				t.Fatalf("bit %d of byte %d", bit, i)
			}
		}
		if _, _, err := d.Decode(m[:i]); err == nil {
			t.Fatalf("%d bytes of %d", i, len(m))
		}
	}
	m[1] = version + 1
	if _, _, err := d.Decode(m); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer version: %v", err)
	}
}

// golden is a batch as FORMAT.md describes it.
func golden() []Record {
	e := Entry{Cursor: "s=1;i=1", Realtime: 1_767_323_045_000_000, Monotonic: 5, Boot: [16]byte{1, 2},
		Fields: []Field{{"MESSAGE", []byte("hello")}, {"PRIORITY", []byte("6")}}}
	e.Origin.SetTag("agent_id", "a")
	e.Origin.SetTag("task_name", "web")
	second := *e.Clone()
	second.Cursor, second.Realtime, second.Monotonic = "s=1;i=2", e.Realtime+1, 6
	second.Fields[0].Value = []byte("again")
	return []Record{{Entry: &e}, {Entry: &second}, {Event: &Event{Kind: Gap, Time: 7, Agent: "a", Count: 2,
		Message: "2 are missing"}}}
}

// The format does not change without its version. To renew the file after a change of the
// version, write what the test prints to it.
func TestGolden(t *testing.T) {
	const path = "testdata/batch.hex"
	var e Encoder
	m := messages(t, &e, Header{Agent: "a", Boot: 9, Seq: 3}, 0, golden())[0]
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\n%x", err, m)
	}
	want, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || !bytes.Equal(m, want) {
		t.Errorf("got\n%x\nwant\n%x", m, want)
	}
	var d Decoder
	_, list, err := decode(&d, [][]byte{want})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, list, golden())
}

func FuzzDecode(f *testing.F) {
	var e Encoder
	for seed := range uint64(5) {
		for _, m := range messages(f, &e, Header{Agent: "a", Seq: seed}, 300, random(rand.New(rand.NewPCG(seed, 5)), 10)) {
			f.Add(m[:len(m)-trailer])
		}
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		// The checksum would hide everything behind it.
		m = binary.LittleEndian.AppendUint32(bytes.Clone(m), crc32.Checksum(m, castagnoli))
		var d Decoder
		h, list, err := decode(&d, [][]byte{m})
		if err != nil {
			return
		}
		if h.Count != len(list) {
			t.Fatalf("%d records, %d announced", len(list), h.Count)
		}
		var e Encoder
		_, again, err := decode(&d, messages(t, &e, h, 0, list))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, again, list)
	})
}
