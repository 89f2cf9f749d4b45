// Package tlsfiles serves TLS with certificates from files, which may be replaced while the
// program runs: by rename, by a symbolic link of a directory (as Kubernetes does it), or in
// place. The files are read at intervals and compared by content, so that it works on every
// file system. A pair that does not fit, or cannot be read, changes nothing: the last good
// one stays.
package tlsfiles
