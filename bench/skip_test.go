package bench

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// skipper is the one file whose functions skip tests.
const skipper = "bench/rig/skip.go"

// No test calls Skip itself. The functions of the rig fail instead where
// DAYTWO_REQUIRE=1 is set, and where the kernel has the feature that a test says it
// lacks.
func TestSkips(t *testing.T) {
	eachTestFile(t, func(path string, files *token.FileSet, f *ast.File) {
		if path == skipper {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if s, ok := call.Fun.(*ast.SelectorExpr); ok {
				switch s.Sel.Name {
				case "Skip", "Skipf", "SkipNow":
					t.Errorf("%s: %s: use rig.Missing, rig.NeedRoot or rig.KernelLacks", files.Position(call.Pos()), s.Sel.Name)
				}
			}
			return true
		})
	})
}

// eachTestFile parses every file of the module that belongs to tests alone: those
// of bench/, and all that end in _test.go. Paths begin at the module's root.
func eachTestFile(t *testing.T, f func(path string, files *token.FileSet, file *ast.File)) {
	t.Helper()
	found := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path = strings.TrimPrefix(path, "../")
		if d.IsDir() && (path == "bench/peers" || path == ".git" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") && !(strings.HasPrefix(path, "bench/") && strings.HasSuffix(path, ".go")) {
			return nil
		}
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, "../"+path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		found++
		f(path, files, parsed)
		return nil
	})
	if err != nil || found < 50 {
		t.Fatalf("%d files are read: %v", found, err)
	}
}
