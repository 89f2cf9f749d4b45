package cli

import (
	"slices"
	"strings"
)

// didYouMean is a hint at the nearest of some names, "" if none is near.
func didYouMean(name string, names []string) string {
	if len(name) > 64 {
		return ""
	}
	best, distance := "", 1+max(2, len(name)/3)
	for _, n := range names {
		d := editDistance(strings.ReplaceAll(name, "_", "-"), n)
		if strings.HasPrefix(n, name) && len(name) > 2 {
			d = min(d, 1)
		}
		if sameLetters(name, n) { // typed in the wrong order
			d = min(d, 1)
		}
		if d < distance {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
