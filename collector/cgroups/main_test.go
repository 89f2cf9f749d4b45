package cgroups

import (
	"os"
	"testing"

	"github.com/daytwo/daytwo/bench/load"
)

func TestMain(m *testing.M) {
	load.Main() // returns unless this is a load process
	os.Exit(m.Run())
}
