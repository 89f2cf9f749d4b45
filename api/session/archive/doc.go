// Package archive copies trees of files as tar streams, where neither the stream nor the files can
// be trusted: Pack reads a tree, Extract writes one. Both go from directory to directory by
// descriptors and follow no symbolic link, so that nothing outside of the named directory is read
// or written, whatever the archive says and whatever is changed meanwhile.
//
// Holes of files stay holes, and take no room in the stream (GNU's sparse format 1.0 in PAX
// headers, which GNU tar and bsdtar read as well).
package archive
