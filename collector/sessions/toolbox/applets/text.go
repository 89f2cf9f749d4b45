package applets

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func init() {
	add("sort", sortLines)
	add("tee", tee)
	add("uniq", uniq)
	add("wc", wc)
}

// each opens files one after the other, or standard input where there are none, and returns 1 if
// one of them cannot be read.
func each(name string, files []string, do func(file string, r io.Reader) error) (status int) {
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, file := range files {
		err := func() error {
			if file == "-" {
				return do("", os.Stdin)
			}
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			return do(file, f)
		}()
		if err != nil {
			status = complain(name, err)
		}
	}
	return status
}

// eachLine calls do with every line, with its end, until it returns false.
func eachLine(r io.Reader, do func(line []byte) bool) error {
	b := bufio.NewReaderSize(r, 64<<10)
	var long []byte
	for {
		part, err := b.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			long = append(long, part...)
			continue
		}
		if len(long) > 0 {
			part = append(long, part...)
			long = long[:0]
		}
		if len(part) > 0 && !do(part) {
			return nil
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func wc(args []string) int {
	fs := flags("wc", "[-lwcm] [FILE]...")
	var show [4]bool // lines, words, characters, bytes
	fs.BoolVarP(&show[0], "lines", "l", false, "count lines")
	fs.BoolVarP(&show[1], "words", "w", false, "count words")
	fs.BoolVarP(&show[2], "chars", "m", false, "count characters")
	fs.BoolVarP(&show[3], "bytes", "c", false, "count bytes")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	if show == [4]bool{} {
		show = [4]bool{true, true, false, true}
	}
	var total [4]int64
	print := func(n [4]int64, file string) {
		var cols []string
		for i := range n {
			if show[i] {
				cols = append(cols, strconv.FormatInt(n[i], 10))
			}
		}
		if file != "" {
			cols = append(cols, Printable(file))
		}
		fmt.Println(strings.Join(cols, " "))
	}
	status := each("wc", fs.Args(), func(file string, r io.Reader) error {
		var n [4]int64
		err := eachLine(r, func(line []byte) bool {
			if line[len(line)-1] == '\n' {
				n[0]++
			}
			n[1] += int64(len(bytes.Fields(line)))
			n[2] += int64(utf8.RuneCount(line))
			n[3] += int64(len(line))
			return true
		})
		for i := range n {
			total[i] += n[i]
		}
		if err == nil {
			print(n, file)
		}
		return err
	})
	if fs.NArg() > 1 {
		print(total, "total")
	}
	return status
}

func sortLines(args []string) int {
	fs := flags("sort", "[-nru] [-k FIELD] [-t SEPARATOR] [FILE]...")
	numeric := fs.BoolP("numeric-sort", "n", false, "compare numbers")
	reverse := fs.BoolP("reverse", "r", false, "the other way round")
	unique := fs.BoolP("unique", "u", false, "leave out equal lines")
	key := fs.IntP("key", "k", 0, "compare from this field on, the first is 1")
	separator := fs.StringP("field-separator", "t", "", "between fields; default: spaces")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	var lines []string
	status := each("sort", fs.Args(), func(_ string, r io.Reader) error {
		return eachLine(r, func(line []byte) bool {
			lines = append(lines, strings.TrimSuffix(string(line), "\n"))
			return true
		})
	})
	compare := func(a, b string) int {
		a, b = field(a, *key, *separator), field(b, *key, *separator)
		if *numeric {
			if c := cmp.Compare(number(a), number(b)); c != 0 {
				return c
			}
			if *unique {
				return 0
			}
		}
		return cmp.Compare(a, b)
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		if *reverse {
			return compare(b, a)
		}
		return compare(a, b)
	})
	if *unique {
		lines = slices.CompactFunc(lines, func(a, b string) bool { return compare(a, b) == 0 })
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, l := range lines {
		out.WriteString(l)
		out.WriteByte('\n')
	}
	return status
}

// field returns a line from a field on.
func field(line string, n int, separator string) string {
	for ; n > 1; n-- {
		if separator != "" {
			_, line, _ = strings.Cut(line, separator)
			continue
		}
		line = strings.TrimLeft(line, " \t")
		line = line[max(0, strings.IndexAny(line+" ", " \t")):]
	}
	if separator == "" && n == 1 {
		line = strings.TrimLeft(line, " \t")
	}
	return line
}

// number returns the number with which a text begins, or 0.
func number(text string) float64 {
	text = strings.TrimLeft(text, " \t")
	end := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '-' && r != '.' })
	if end >= 0 {
		text = text[:end]
	}
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

func uniq(args []string) int {
	fs := flags("uniq", "[-cdu] [FILE]")
	count := fs.BoolP("count", "c", false, "say how often each line comes")
	repeated := fs.BoolP("repeated", "d", false, "print only lines that come several times")
	single := fs.BoolP("unique", "u", false, "print only lines that come once")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	var last string
	n := 0
	print := func() {
		if n == 0 || *repeated && n == 1 || *single && n > 1 {
			return
		}
		if *count {
			fmt.Fprintf(out, "%7d ", n)
		}
		out.WriteString(last + "\n")
	}
	status := each("uniq", fs.Args(), func(_ string, r io.Reader) error {
		return eachLine(r, func(line []byte) bool {
			if text := strings.TrimSuffix(string(line), "\n"); n > 0 && text == last {
				n++
			} else {
				print()
				last, n = text, 1
			}
			return true
		})
	})
	print()
	return status
}

func tee(args []string) int {
	fs := flags("tee", "[-a] [FILE]...")
	add := fs.BoolP("append", "a", false, "append to the files")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	to := []io.Writer{os.Stdout}
	status := 0
	for _, name := range fs.Args() {
		how := os.O_TRUNC
		if *add {
			how = os.O_APPEND
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|how, 0o666)
		if err != nil {
			status = complain("tee", err)
			continue
		}
		defer f.Close()
		to = append(to, f)
	}
	if _, err := io.Copy(io.MultiWriter(to...), os.Stdin); err != nil {
		return complain("tee", err)
	}
	return status
}
