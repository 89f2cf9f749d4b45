// Package recent stores the frames that a relay receives, compressed as they are: those
// of the last minutes in memory, and a longer history in segment files on disk. Both are
// bounded by age and bytes, and drop the oldest frames first. To answer a query it
// decodes only the frames, kinds and columns that the query needs.
//
// It never uses the network, never modifies a frame, and never waits for the disk while
// it holds the lock that Append needs.
package recent
