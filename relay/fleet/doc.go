// Package fleet tracks the agents, the newest complete tick of each, and which agent
// runs which container. It decodes a tick once, when it is first requested, and bounds
// the memory of decoded ticks.
//
// It stores no frame, and never shows a tick of a collector run that a newer run has
// replaced.
package fleet
