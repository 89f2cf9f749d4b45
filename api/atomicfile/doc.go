// Package atomicfile writes small files so that a crash or a power cut leaves the
// old content or the new, never a part: ids, tokens, lists of endpoints.
//
// It never changes a file in place.
package atomicfile
