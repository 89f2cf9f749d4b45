package applets

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

func init() {
	add("cut", cut)
	add("hexdump", hexdump)
	add("seq", seq)
}

// hexdump prints bytes, and the text that they are.
func hexdump(args []string) int {
	f := flags("hexdump", "[-C] [-n BYTES] [FILE]")
	f.BoolP("canonical", "C", false, "as always here")
	most := f.Int64P("length", "n", 1<<62, "print so many bytes at most")
	if status, ok := parse(f, args); !ok {
		return status
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	return each("hexdump", f.Args(), func(_ string, r io.Reader) error {
		in := io.LimitReader(bufio.NewReader(r), *most)
		var b [16]byte
		for at := int64(0); ; {
			n, err := io.ReadFull(in, b[:])
			if n == 0 {
				if err == io.EOF {
					err = nil
				}
				fmt.Fprintf(out, "%08x\n", at)
				return err
			}
			text := make([]byte, n)
			for i, c := range b[:n] {
				if text[i] = '.'; c >= ' ' && c < 0x7f {
					text[i] = c
				}
			}
			fmt.Fprintf(out, "%08x  %-24s %-24s |%s|\n", at, fmt.Sprintf("% x", b[:min(n, 8)]),
				fmt.Sprintf("% x", b[min(n, 8):n]), text)
			at += int64(n)
		}
	})
}

// cut prints parts of lines.
func cut(args []string) int {
	f := flags("cut", "-f FIELDS [-d SEPARATOR] | -c CHARACTERS [FILE]...")
	fields := f.StringP("fields", "f", "", "print these fields, as 1,3-5")
	chars := f.StringP("characters", "c", "", "print these characters")
	separator := f.StringP("delimiter", "d", "\t", "between fields")
	only := f.BoolP("only-delimited", "s", false, "leave out lines without a separator")
	if status, ok := parse(f, args); !ok {
		return status
	}
	text := *fields + *chars
	wanted, err := ranges(text)
	if err != nil || (*fields == "") == (*chars == "") || *separator == "" {
		f.Usage()
		return 2
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	return each("cut", f.Args(), func(_ string, r io.Reader) error {
		return eachLine(r, func(b []byte) bool {
			line := strings.TrimSuffix(string(b), "\n")
			sep := *separator
			if *chars != "" {
				sep = ""
			} else if !strings.Contains(line, sep) {
				if !*only {
					out.WriteString(line + "\n")
				}
				return true
			}
			var parts []string
			for i, part := range strings.Split(line, sep) {
				if wanted(i + 1) {
					parts = append(parts, part)
				}
			}
			out.WriteString(strings.Join(parts, sep) + "\n")
			return true
		})
	})
}

// ranges parses a list of numbers, as 1,3-5,7-.
func ranges(text string) (func(int) bool, error) {
	var all [][2]int
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		r := [2]int{1, 1 << 30}
		var err error
		if from != "" {
			r[0], err = strconv.Atoi(from)
		}
		if err == nil && to != "" {
			r[1], err = strconv.Atoi(to)
		}
		if !isRange {
			r[1] = r[0]
		}
		if err != nil || from == "" && to == "" || r[0] < 1 {
			return nil, fmt.Errorf("%q is no list of numbers", text)
		}
		all = append(all, r)
	}
	return func(n int) bool {
		return slices.ContainsFunc(all, func(r [2]int) bool { return n >= r[0] && n <= r[1] })
	}, nil
}

// seq prints numbers.
func seq(args []string) int {
	var n [3]int64
	n[0], n[1] = 1, 1
	var err error
	for i, a := range args {
		if i < 3 && err == nil {
			n[i], err = strconv.ParseInt(a, 10, 64)
		}
	}
	switch {
	case err != nil || len(args) == 0 || len(args) > 3 || len(args) == 3 && n[1] == 0:
		fmt.Fprintln(os.Stderr, "Usage: seq [FIRST [STEP]] LAST")
		return 2
	case len(args) == 1:
		n = [3]int64{1, 1, n[0]}
	case len(args) == 2:
		n = [3]int64{n[0], 1, n[1]}
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for i := n[0]; n[1] > 0 && i <= n[2] || n[1] < 0 && i >= n[2]; i += n[1] {
		fmt.Fprintln(out, i)
	}
	return 0
}
