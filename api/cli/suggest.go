package cli

import (
	"slices"
	"strings"
)

// didYouMean returns ": did you mean x?" with the most similar of some names, or ""
// if none is similar.
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
		if sameLetters(name, n) { // letters swapped
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

// sameLetters reports whether two names have the same letters, in any order.
func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// editDistance returns the Levenshtein distance of two names, in bytes.
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
