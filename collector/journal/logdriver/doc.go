// Package logdriver joins the pieces into which the journald drivers of container runtimes
// (Docker, Podman), and daytwo's own log-pipe, cut long lines. It reads no journal: whoever
// does lends it a way to look around an entry.
//
// # Which entries are one line
//
// Pieces are joined that follow one another in one stream (stdout or stderr) of one
// container in one boot, at most TimeLimit apart by the monotonic clock that journald notes:
//
//   - with an id of the line (Docker 23 and later, log-pipe), pieces of one id, by their
//     ordinals, until the one that says that it is the last, or that log-pipe has waited for the
//     rest in vain;
//   - without (older Docker, Podman), a piece that has the flag CONTAINER_PARTIAL_MESSAGE, and
//     whatever comes next, of Podman from the same conmon. The line ends with the first entry
//     that has no flag.
//
// A piece of Docker's that is shorter than 16 KiB ends a line, too: some versions flag the last
// piece, and all the last one of a container that ends without a newline.
//
// # Which entry a line is
//
// A line is the entry of its last piece: that one's cursor, times and fields, with the whole
// text, and without the fields CONTAINER_PARTIAL_*. The pieces before are no entries. Which
// entries are last pieces, and what their lines are, depends on nothing but the entries of
// their stream around them. So it is the same in both directions, and after each cursor:
// reading on after the cursor of any entry has every line whose last piece is behind it, whole,
// though its first pieces are before it, and no line twice.
//
// What is less than a line has CONTAINER_PARTIAL_MESSAGE=true:
//
//   - A line that has no end is the entry of the last piece that there is. So is the last line of
//     one of Podman's containers, if it has no newline. Whoever follows waits TimeLimit for the
//     next piece, by a clock of its own, and stays in front of the piece while it does. Whoever
//     does not follow gets what there is; if the line goes on later, it comes whole later.
//   - A line that is too long to be one entry comes in several, none longer than MaxPart, that
//     have all its bytes: see parted.
//   - A line of which pieces are missing comes without them, with a LostError.
package logdriver
