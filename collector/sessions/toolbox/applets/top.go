package applets

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"
)

func init() { add("top", top) }

// top lists the processes that use most, again and again, until q or Ctrl-C is typed.
func top(args []string) int {
	fs := flags("top", "[-b] [-d SECONDS] [-n TIMES] [-o cpu|mem]")
	batch := fs.BoolP("batch", "b", false, "print one list after the other")
	delay := fs.Float64P("delay", "d", 2, "seconds between two lists")
	times := fs.IntP("iterations", "n", 0, "end after so many lists; 0 does not")
	order := fs.StringP("sort", "o", "cpu", "what the list is sorted by: cpu or mem")
	if status, ok := parse(fs, args); !ok {
		return status
	}
	wait := time.Duration(max(*delay, 0.1) * float64(time.Second))
	quit := make(chan struct{})
	newline := "\n"
	if !term.IsTerminal(int(os.Stdout.Fd())) || !term.IsTerminal(int(os.Stdin.Fd())) {
		*batch = true
	}
	if !*batch {
		state, err := term.MakeRaw(int(os.Stdin.Fd()))
		if err != nil {
			return complain("top", err)
		}
		defer term.Restore(int(os.Stdin.Fd()), state)
		newline = "\r\n"
		go func() {
			var b [1]byte
			for {
				n, err := os.Stdin.Read(b[:])
				if err != nil || n == 1 && (b[0] == 'q' || b[0] == 3 || b[0] == 4) {
					close(quit)
					return
				}
			}
		}()
	}
	before, at := map[int]time.Duration{}, time.Time{}
	names := userNames{}
	for n := 1; ; n++ {
		all, err := processes()
		now := time.Now()
		if err != nil {
			return complain("top", err)
		}
		share := map[int]float64{}
		for i := range all {
			p := &all[i]
			if used, ok := before[p.PID]; ok && now.After(at) {
				share[p.PID] = max(0, 100*float64(p.cpu()-used)/float64(now.Sub(at)))
			}
		}
		clear(before)
		for i := range all {
			before[all[i].PID] = all[i].cpu()
		}
		at = now
		slices.SortStableFunc(all, func(a, b process) int {
			if *order == "mem" {
				return b.RSS - a.RSS
			}
			return cmp.Compare(share[b.PID], share[a.PID])
		})
		show(all, share, names, !*batch, newline)
		if n == *times {
			return 0
		}
		if n == 1 && *times != 1 {
			wait, at = min(wait, 500*time.Millisecond), now // the first list knows no shares
		} else {
			wait = time.Duration(max(*delay, 0.1) * float64(time.Second))
		}
		select {
		case <-time.After(wait):
		case <-quit:
			return 0
		}
	}
}

// show prints one list, as much of it as there is room for.
func show(all []process, share map[int]float64, names userNames, screen bool, newline string) {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	rows, cols := len(all)+2, 0
	if screen {
		if w, h, err := term.GetSize(int(os.Stdout.Fd())); err == nil && h > 2 {
			rows, cols = h-1, w
		}
		out.WriteString("\x1b[H\x1b[2J")
	}
	line := func(text string) {
		if r := []rune(text); cols > 0 && len(r) > cols {
			text = string(r[:cols])
		}
		out.WriteString(strings.TrimRight(text, " ") + newline)
	}
	load, _ := os.ReadFile("/proc/loadavg")
	line(fmt.Sprintf("%s, %d processes, load of the node %.14s", time.Now().Format(time.TimeOnly), len(all), load))
	line(fmt.Sprintf("%7s %-10s %-4s %6s %10s %8s %s", "PID", "USER", "STAT", "%CPU", "RSS KiB", "TIME", "COMMAND"))
	for i := range all[:min(len(all), rows-2)] {
		p := &all[i]
		line(fmt.Sprintf("%7d %-10s %-4s %6.1f %10d %8s %s", p.PID, names.of(p.uid), p.State, share[p.PID],
			p.ResidentMemory()/1024, clock(p.cpu()), p.command))
	}
}
