// Package fleet knows which agents there are, what their newest whole tick is,
// and which container runs where. It decodes a tick when somebody asks for it,
// once, and keeps what it decoded within a bound.
//
// It stores no frame, and never shows a tick of a run of a collector that a
// newer run replaced.
package fleet
