// Package audit keeps a log of who did what: lines of JSON, each with the hash of the line
// before it, so that a line cannot be changed, added or removed without breaking the chain.
// What the chain cannot show, the loss of the newest lines, checkpoints show: number and hash
// of the newest line, which the log's owner sends elsewhere.
//
// Files rotate by size; the oldest are removed by their number. The first line that is left
// names the hash of one that is gone.
//
// A flood of refused requests does not fill the disk: after some lines of one asker and kind,
// further ones are summed in one line.
package audit
