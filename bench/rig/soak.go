package rig

import (
	"os"
	"strconv"
)

// SoakRounds returns how often a test repeats what it does, from DAYTWO_SOAK_ROUNDS; 0 for
// its short form.
func SoakRounds() int {
	n, err := strconv.Atoi(os.Getenv("DAYTWO_SOAK_ROUNDS"))
	if err != nil {
		return 0
	}
	return n
}
