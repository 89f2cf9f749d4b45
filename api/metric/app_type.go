package metric

// Types of App's series, as StatsD writes them: the label "type" of a row.
const (
	AppTypeCounter      = "c"
	AppTypeGauge        = "g"
	AppTypeSet          = "s"
	AppTypeTimer        = "ms"
	AppTypeHistogram    = "h"
	AppTypeDistribution = "d"
	AppTypeCheck        = "check" // a service check
)

// AppTypes are all types of App's series.
var AppTypes = [...]string{
	AppTypeCounter, AppTypeGauge, AppTypeSet, AppTypeTimer, AppTypeHistogram, AppTypeDistribution, AppTypeCheck,
}

// AppTypeName returns the name of a type of App's series, such as "counter"; "" for an
// unknown type.
func AppTypeName(typ string) string {
	switch typ {
	case AppTypeCounter:
		return "counter"
	case AppTypeGauge:
		return "gauge"
	case AppTypeSet:
		return "set"
	case AppTypeTimer:
		return "timer"
	case AppTypeHistogram:
		return "histogram"
	case AppTypeDistribution:
		return "distribution"
	case AppTypeCheck:
		return "check"
	}
	return ""
}

// IsAppHistogram reports whether series of a type are histograms.
func IsAppHistogram(typ string) bool {
	return typ == AppTypeTimer || typ == AppTypeHistogram || typ == AppTypeDistribution
}

// RuntimeLabel is the prefix of row labels that come from a container's runtime.
const RuntimeLabel = "label."
