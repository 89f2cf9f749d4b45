package sessions

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll reads records to the end of a body, and returns the error that ended it.
func readAll(r io.Reader) (all []string, err error) {
	d := newRecordReader(r)
	for {
		b, err := d.next()
		if err != nil {
			return all, err
		}
		all = append(all, string(b))
	}
}

func TestRecords(t *testing.T) {
	largest := strings.Repeat("x", maxRecord)
	for _, c := range []struct {
		body string
		want []string
		err  error
	}{
		{"", nil, io.EOF},
		{"5\nhello6\nworld!", []string{"hello", "world!"}, io.EOF},
		{"0\n0\n1\nx", []string{"", "", "x"}, io.EOF},
		{"007\na\nb\nc\nd", []string{"a\nb\nc\nd"}, io.EOF},
		{strconv.Itoa(maxRecord) + "\n" + largest, []string{largest}, io.EOF},
		{"3\nab", nil, io.ErrUnexpectedEOF},
		{"3\n", nil, io.ErrUnexpectedEOF},
		{"3", nil, io.ErrUnexpectedEOF},
		{"\nx", nil, errRecord},
		{"-1\n", nil, errRecord},
		{"+1\nx", nil, errRecord},
		{" 1\nx", nil, errRecord},
		{"1\r\nx", nil, errRecord},
		{"0x1\nx", nil, errRecord},
		{strconv.Itoa(maxRecord+1) + "\n", nil, errRecord},
		{"99999999999999999999999999", nil, errRecord},
		{strings.Repeat("0", 100) + "1\nx", nil, errRecord},
		{`1` + "\n" + `{` + "\n" + `{`, []string{"{"}, errRecord},
	} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(c.body),
			"by byte": iotest.OneByteReader(strings.NewReader(c.body))} {
			got, err := readAll(r)
			if err != c.err || strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
				t.Errorf("%.40q %s: %.80q, %v; want %.80q, %v", c.body, name, got, err, c.want, c.err)
			}
		}
	}
}

// A body that claims much does not cost much.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("5\nhello6\nworld!"))
	f.Add([]byte("262144\nx"))
	f.Add([]byte("262145\nx"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readAll(bytes.NewReader(body))
		if err == nil || len(got) > len(body) {
			t.Fatalf("%d records of %d bytes, %v", len(got), len(body), err)
		}
		var again []byte
		for _, r := range got {
			again = append(appendRecordHead(again, len(r)), r...)
		}
		back, err := readAll(bytes.NewReader(again))
		if err != io.EOF || strings.Join(back, "|") != strings.Join(got, "|") {
			t.Fatalf("%q is read again as %q, %v", got, back, err)
		}
	})
}
