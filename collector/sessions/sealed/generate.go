package sealed

// The helper is a program of its own, as it has to start within a millisecond. It is built
// in the same way everywhere; generate_test.go compares it with its source.
//go:generate sh generate.sh
