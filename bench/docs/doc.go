// Package docs runs what the documents show: each command of README.md and of
// docs/, on a running daytwo with default addresses, in namespaces of its own.
// A command must end with status 0, and print what the page says it prints,
// numbers and ids aside.
package docs
