// Package logfile reads the log files that container runtimes write: Docker's
// json-file and local drivers, and the CRI format of containerd, CRI-O and
// Podman's k8s-file driver. It follows rotation, compression and truncation,
// and joins the pieces of long lines.
//
// It never writes to a file, never opens anything but regular files, and never
// passes over in silence what it could not read: see Reader.Errors.
package logfile
