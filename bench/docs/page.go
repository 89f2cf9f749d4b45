package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// command is a command that a page shows, and what it is said to print.
type command struct {
	line   int // in the page, from 1
	text   string
	output []string // lines
}

// commands are those of a page's console blocks:
//
//	```console
//	$ daytwo node list
//	AGENT  HOSTNAME
//	…
//	```
//
// A line that begins with "> " goes on with the command above it. Blocks of
// other languages hold no commands; sh and bash are refused, as nothing would
// run them.
func commands(page string) ([]command, error) {
	var all []command
	fence := ""
	for i, line := range strings.Split(page, "\n") {
		switch {
		case strings.HasPrefix(line, "```") && fence == "":
			if fence = line; fence == "```sh" || fence == "```bash" || fence == "```" {
				return nil, fmt.Errorf("line %d: a block %s: commands are shown in ```console blocks", i+1, fence)
			}
		case strings.HasPrefix(line, "```"):
			fence = ""
		case fence != "```console":
		case strings.HasPrefix(line, "$ "):
			all = append(all, command{line: i + 1, text: line[2:]})
		case len(all) == 0:
			return nil, fmt.Errorf("line %d: output before any command", i+1)
		case strings.HasPrefix(line, "> ") && len(all[len(all)-1].output) == 0:
			all[len(all)-1].text += "\n" + line[2:]
		default:
			all[len(all)-1].output = append(all[len(all)-1].output, line)
		}
	}
	if fence != "" {
		return nil, fmt.Errorf("the last block %s does not end", fence)
	}
	return all, nil
}

var (
	changing = regexp.MustCompile(`[0-9a-f]{12,}|[0-9][0-9.,:]*([KMGT]iB)?`)
	spaces   = regexp.MustCompile(`[ \t]+|-{2,}`)
)

// normal is a line without what differs from run to run: numbers and the sizes that they
// are of, ids, the width of columns.
func normal(line string) string {
	return strings.TrimSpace(spaces.ReplaceAllString(changing.ReplaceAllString(line, "#"), " "))
}

// missing are the lines that the page shows and the command did not print. An
// ellipsis (…) stands for anything, by itself for any lines.
func (c *command) missing(printed string) (lines []string) {
	var have []string
	for _, line := range strings.Split(printed, "\n") {
		have = append(have, normal(line))
	}
	for _, line := range c.output {
		parts := strings.Split(normal(line), "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		pattern := regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
		if !slices.ContainsFunc(have, pattern.MatchString) {
			lines = append(lines, line)
		}
	}
	return lines
}
