// Package fleet tracks which agents there are, what their newest whole tick is, and
// which container runs where. It decodes a tick on request, once, and bounds the
// memory of what it decoded.
//
// It stores no frame, and never shows a tick of a run of a collector that a newer
// run replaced.
package fleet
