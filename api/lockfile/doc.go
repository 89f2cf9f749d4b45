// Package lockfile keeps a directory to one process at a time.
//
// The lock ends with the process, however it ends; its file stays.
package lockfile
