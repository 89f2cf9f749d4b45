package sessions

import (
	"os"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
