package applets

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/u-root/u-root/pkg/core"
	"github.com/u-root/u-root/pkg/core/base64"
	"github.com/u-root/u-root/pkg/core/cat"
	"github.com/u-root/u-root/pkg/core/chmod"
	"github.com/u-root/u-root/pkg/core/cp"
	"github.com/u-root/u-root/pkg/core/find"
	"github.com/u-root/u-root/pkg/core/mkdir"
	"github.com/u-root/u-root/pkg/core/mktemp"
	"github.com/u-root/u-root/pkg/core/mv"
	"github.com/u-root/u-root/pkg/core/rm"
	"github.com/u-root/u-root/pkg/core/shasum"
	"github.com/u-root/u-root/pkg/core/tar"
	"github.com/u-root/u-root/pkg/core/touch"
)

func init() {
	for name, make := range map[string]func() core.Command{
		"base64": base64.New, "cat": cat.New, "chmod": chmod.New, "cp": cp.New, "find": find.New,
		"mkdir": mkdir.New, "mktemp": mktemp.New, "mv": mv.New, "rm": rm.New, "shasum": shasum.New, "tar": tar.New,
		"touch": touch.New,
	} {
		add(name, func(args []string) int { return uroot(name, make(), args) })
	}
}

// uroot runs a program of u-root.
func uroot(name string, c core.Command, args []string) int {
	err := c.Run(args...)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		return 0
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	return 1
}
