// Package itself executes the running program again, as another process with other arguments.
// The toolbox has no path in the container, where nothing but the program itself can be trusted
// to be it: it is executed by the descriptor with which it was started.
package itself
