// Package visible narrows what a fleet answers to what an asker may see. Whatever is left
// out cannot be told from what does not exist: agents of which nothing is visible are
// unknown, and all counts are those of the visible rows.
package visible
