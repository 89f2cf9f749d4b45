package cgroups

import "github.com/daytwo/daytwo/api/metric"

// PartOf returns the part that a column of metric.Container belongs to. Columns that
// belong to no other part (metric.Created) belong to PartGroups.
func PartOf(column int) Part { return columnParts[column] }

// columnParts is PartOf, by column.
var columnParts = func() []Part {
	parts := make([]Part, metric.Width(metric.Container))
	for c := range parts {
		switch {
		case c <= metric.CPUPeriod:
			parts[c] = PartCPU
		case c <= metric.SwapEventFail:
			parts[c] = PartMemory
		case c <= metric.PidsEventsMax:
			parts[c] = PartPids
		case c <= metric.Populated:
			parts[c] = PartTasks
		case c == metric.Created:
			parts[c] = PartGroups
		case c <= metric.PSIIRQFull:
			parts[c] = PartPSI
		case c >= metric.FirstStat && c <= metric.LastStat:
			parts[c] = PartStat
		default:
			parts[c] = PartGroups
		}
	}
	return parts
}()
