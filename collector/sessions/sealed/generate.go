package sealed

// The helper is a program of its own, as it has to start within a millisecond, and so is the
// toolbox, as it runs in containers. They are built in the same way everywhere;
// generate_test.go compares them with their sources.
//go:generate sh generate.sh
