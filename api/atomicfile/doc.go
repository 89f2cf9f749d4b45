// Package atomicfile writes small files, such as ids, tokens and lists of endpoints. A
// crash or a power cut leaves either the old content or the new content, never a part.
//
// It never modifies a file in place.
package atomicfile
