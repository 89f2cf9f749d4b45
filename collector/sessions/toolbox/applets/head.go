package applets

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

func init() {
	add("head", head)
	add("tail", tail)
}

// oldCount turns -20 into -n 20.
func oldCount(args []string) []string {
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		if _, err := strconv.Atoi(args[0][1:]); err == nil {
			return append([]string{"-n", args[0][1:]}, args[1:]...)
		}
	}
	return args
}

func head(args []string) int {
	fs := flags("head", "[-n LINES] [-c BYTES] [FILE]...")
	lines := fs.Int64P("lines", "n", 10, "print so many lines")
	count := fs.Int64P("bytes", "c", -1, "print so many bytes")
	if status, ok := parse(fs, oldCount(args)); !ok {
		return status
	}
	return each("head", fs.Args(), func(file string, r io.Reader) error {
		title(file, fs.NArg())
		if *count >= 0 {
			_, err := io.CopyN(os.Stdout, r, *count)
			if err == io.EOF {
				err = nil
			}
			return err
		}
		n := *lines
		if n <= 0 {
			return nil
		}
		return eachLine(r, func(line []byte) bool {
			os.Stdout.Write(line)
			n--
			return n > 0
		})
	})
}

// title prints the name of one of several files.
func title(file string, files int) {
	if files > 1 {
		fmt.Printf("==> %s <==\n", Printable(file))
	}
}

func tail(args []string) int {
	fs := flags("tail", "[-n LINES] [-c BYTES] [-f] [FILE]...")
	lines := fs.StringP("lines", "n", "10", "print so many lines; +N begins with line N")
	count := fs.Int64P("bytes", "c", -1, "print so many bytes")
	follow := fs.BoolP("follow", "f", false, "go on with what is appended to the last file")
	if status, ok := parse(fs, oldCount(args)); !ok {
		return status
	}
	n, err := strconv.ParseInt(*lines, 10, 32)
	if err != nil {
		return complain("tail", fmt.Errorf("%q is no number of lines", *lines))
	}
	from := strings.HasPrefix(*lines, "+")
	status := each("tail", fs.Args(), func(file string, r io.Reader) error {
		title(file, fs.NArg())
		out := bufio.NewWriter(os.Stdout)
		defer out.Flush()
		if *count >= 0 {
			return lastBytes(out, r, *count)
		}
		var last [][]byte
		line := int64(0)
		err := eachLine(r, func(b []byte) bool {
			line++
			switch {
			case from && line >= n:
				out.Write(b)
			case !from && n > 0:
				last = append(last, slices.Clone(b))
				if int64(len(last)) > n {
					last = last[1:]
				}
			}
			return true
		})
		for _, b := range last {
			out.Write(b)
		}
		return err
	})
	if !*follow || fs.NArg() == 0 {
		return status
	}
	return followFile(fs.Arg(fs.NArg() - 1))
}

// lastBytes copies the last bytes of a stream.
func lastBytes(w io.Writer, r io.Reader, count int64) error {
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > count {
			if _, err := f.Seek(-count, io.SeekEnd); err != nil {
				return err
			}
			_, err := io.Copy(w, f)
			return err
		}
	}
	b, err := io.ReadAll(r)
	if err == nil {
		_, err = w.Write(b[max(0, int64(len(b))-count):])
	}
	return err
}

// followFile copies what is appended to a file, and begins anew with one that takes its place.
func followFile(name string) int {
	f, err := os.Open(name)
	if err != nil {
		return complain("tail", err)
	}
	f.Seek(0, io.SeekEnd)
	for ; ; time.Sleep(200 * time.Millisecond) {
		if _, err := io.Copy(os.Stdout, f); err != nil {
			return complain("tail", err)
		}
		have, err := f.Stat()
		if err != nil {
			return complain("tail", err)
		}
		at, _ := f.Seek(0, io.SeekCurrent)
		if there, err := os.Stat(name); err == nil && !os.SameFile(have, there) {
			if next, err := os.Open(name); err == nil {
				f.Close()
				f = next
			}
		} else if have.Size() < at {
			f.Seek(0, io.SeekStart)
		}
	}
}
