package sketch

// Scale is the resolution of all histograms: base 2^(2^-6) = 1.0109, so that the
// middle of a bucket is within 0.55% of all it holds. It is the schema of
// Prometheus' native histograms and the scale of OpenTelemetry's.
const Scale = 6
