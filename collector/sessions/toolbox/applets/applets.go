package applets

import (
	"maps"
	"slices"
)

// Applet is a program. Its arguments come without its name; it returns an exit status. It uses
// the streams and the directory of the process, and is the only thing that the process does.
type Applet func(args []string) int

// Find returns the applet of a name, or nil.
func Find(name string) Applet { return all[name] }

// Names lists all applets.
func Names() []string { return slices.Sorted(maps.Keys(all)) }

// all is filled by init functions, as some applets refer to it.
var all = map[string]Applet{}

func add(name string, a Applet) { all[name] = a }
