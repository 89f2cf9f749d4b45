package applets

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func init() {
	for _, name := range []string{"grep", "egrep", "fgrep"} {
		add(name, func(args []string) int { return grep(name, args) })
	}
}

type grepper struct {
	*bufio.Writer
	pattern                                             *regexp.Regexp
	invert, count, list, number, quiet, only, noMessage bool
	before, after                                       int
	names                                               bool
	found                                               bool
}

// grep prints lines that match a regular expression, as Go's package regexp has them.
func grep(name string, args []string) int {
	f := flags(name, "[FLAG]... PATTERN [FILE]...")
	g := grepper{Writer: bufio.NewWriter(os.Stdout)}
	defer g.Flush()
	patterns := f.StringArrayP("regexp", "e", nil, "a pattern; several may be given")
	ignore := f.BoolP("ignore-case", "i", false, "upper case is lower case")
	fixed := f.BoolP("fixed-strings", "F", name == "fgrep", "the pattern is a plain text")
	f.BoolP("extended-regexp", "E", false, "as always here")
	word := f.BoolP("word-regexp", "w", false, "match whole words")
	whole := f.BoolP("line-regexp", "x", false, "match whole lines")
	recursive := f.BoolP("recursive", "r", false, "read all files below directories")
	f.BoolVarP(recursive, "dereference-recursive", "R", false, "as -r: links are not followed")
	f.BoolVarP(&g.invert, "invert-match", "v", false, "print lines that do not match")
	f.BoolVarP(&g.count, "count", "c", false, "print how many lines match")
	f.BoolVarP(&g.list, "files-with-matches", "l", false, "print names of files that match")
	f.BoolVarP(&g.number, "line-number", "n", false, "print line numbers")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "print nothing: the status tells")
	f.BoolVarP(&g.only, "only-matching", "o", false, "print only what matches")
	f.BoolVarP(&g.noMessage, "no-messages", "s", false, "do not complain about files")
	f.IntVarP(&g.after, "after-context", "A", 0, "print so many lines after one that matches")
	f.IntVarP(&g.before, "before-context", "B", 0, "print so many lines before one that matches")
	context := f.IntP("context", "C", 0, "both")
	with := f.BoolP("with-filename", "H", false, "print names of files")
	without := f.BoolP("no-filename", "h", false, "print no names of files")
	if status, ok := parse(f, args); !ok {
		return status
	}
	files := f.Args()
	if len(*patterns) == 0 {
		if len(files) == 0 {
			return complain(name, fmt.Errorf("name a pattern")) + 1
		}
		*patterns, files = strings.Split(files[0], "\n"), files[1:]
	}
	for i, p := range *patterns {
		if *fixed {
			p = regexp.QuoteMeta(p)
		}
		(*patterns)[i] = "(?:" + p + ")"
	}
	text := "(?:" + strings.Join(*patterns, "|") + ")"
	if *word {
		text = `\b` + text + `\b`
	}
	if *whole {
		text = "^" + text + "$"
	}
	if *ignore {
		text = "(?i)" + text
	}
	var err error
	if g.pattern, err = regexp.Compile(text); err != nil {
		return complain(name, err) + 1
	}
	g.before, g.after = max(g.before, *context), max(g.after, *context)
	g.names = (len(files) > 1 || *recursive || *with) && !*without
	if *recursive {
		files = g.below(name, files)
	}
	status := each(name, files, g.file)
	switch {
	case status != 0 && !(g.quiet && g.found):
		return 2
	case g.found:
		return 0
	}
	return 1
}

// below lists the files below directories.
func (g *grepper) below(name string, dirs []string) (files []string) {
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	for _, dir := range dirs {
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				if !g.noMessage {
					complain(name, err)
				}
				return nil
			}
			if d.Type().IsRegular() || path == dir && !d.IsDir() {
				files = append(files, path)
			}
			return nil
		})
	}
	return files
}

// file prints the lines of a file.
func (g *grepper) file(name string, r io.Reader) error {
	if name == "" {
		name = "(standard input)"
	}
	var before []string
	line, matches, after := 0, 0, 0
	print := func(n int, sign, text string) {
		if g.names {
			g.WriteString(Printable(name) + sign)
		}
		if g.number {
			fmt.Fprintf(g, "%d%s", n, sign)
		}
		g.WriteString(text + "\n")
	}
	err := eachLine(r, func(b []byte) bool {
		line++
		text := strings.TrimSuffix(string(b), "\n")
		if g.pattern.MatchString(text) == g.invert {
			switch {
			case after > 0:
				after--
				print(line, "-", text)
			case g.before > 0:
				before = append(before, text)
				before = before[max(0, len(before)-g.before):]
			}
			return true
		}
		matches++
		g.found = true
		switch {
		case g.quiet || g.list:
			return false
		case g.count:
		case g.only:
			for _, m := range g.pattern.FindAllString(text, -1) {
				print(line, ":", m)
			}
		default:
			for i, t := range before {
				print(line-len(before)+i, "-", t)
			}
			before, after = nil, g.after
			print(line, ":", text)
		}
		return true
	})
	switch {
	case g.list && matches > 0:
		g.WriteString(name + "\n")
	case g.count && !g.quiet:
		if g.names {
			g.WriteString(Printable(name) + ":")
		}
		fmt.Fprintln(g, matches)
	}
	if g.noMessage {
		return nil
	}
	return err
}
