package prom

import (
	"math"

	"github.com/daytwo/daytwo/api/sketch"
	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of io.prometheus.client.Histogram, BucketSpan and Bucket.
const (
	histogramCount, histogramSum, histogramBucket, histogramCountFloat      = 1, 2, 3, 4
	histogramSchema, histogramZeroThreshold, histogramZero, histogramZeroFl = 5, 6, 7, 8
	histogramNegativeSpan, histogramNegativeDelta, histogramNegativeCount   = 9, 10, 11
	histogramPositiveSpan, histogramPositiveDelta, histogramPositiveCount   = 12, 13, 14

	bucketCount, bucketBound, bucketCountFloat = 1, 2, 4
	spanOffset, spanLength                     = 1, 2
)

// protoHistogram appends a histogram, native and classic: Prometheus keeps the one
// that it is configured for. Counts are floats if sample rates made them fractions.
func (p *writer) protoHistogram(h *sketch.Histogram, labels ...string) {
	whole := isWhole(h)
	b := appendCount(p.proto.inner[:0], whole, histogramCount, histogramCountFloat, h.Count())
	b = appendProtoDouble(b, histogramSum, h.Sum())
	var bucket [64]byte
	for i, bound := range p.octaves.bounds {
		m := appendCount(bucket[:0], whole, bucketCount, bucketCountFloat, p.octaves.counts[i])
		m = appendProtoDouble(m, bucketBound, bound)
		b = protowire.AppendTag(b, histogramBucket, protowire.BytesType)
		b = protowire.AppendBytes(b, m)
	}
	b = protowire.AppendTag(b, histogramSchema, protowire.VarintType)
	b = protowire.AppendVarint(b, protowire.EncodeZigZag(sketch.Scale))
	b = appendProtoDouble(b, histogramZeroThreshold, 0)
	b = appendCount(b, whole, histogramZero, histogramZeroFl, h.Zero())
	b, negative := appendSpans(b, histogramNegativeSpan, h.Negative())
	b = appendCounts(b, histogramNegativeDelta, histogramNegativeCount, h.Negative(), whole)
	b, positive := appendSpans(b, histogramPositiveSpan, h.Positive())
	b = appendCounts(b, histogramPositiveDelta, histogramPositiveCount, h.Positive(), whole)
	if !negative && !positive && h.Zero() == 0 {
		// An empty span marks an empty histogram as native.
		b = appendSpan(b, histogramPositiveSpan, 0, 0)
	}
	p.proto.inner = b
	p.protoMetric(labels...)
}

func appendCount(dst []byte, whole bool, integer, float protowire.Number, v float64) []byte {
	if whole {
		return protowire.AppendVarint(protowire.AppendTag(dst, integer, protowire.VarintType), uint64(v))
	}
	return appendProtoDouble(dst, float, v)
}

// isWhole reports whether all counts are whole numbers that a float64 represents
// exactly.
func isWhole(h *sketch.Histogram) bool {
	return whole(h.Count()) && whole(h.Zero()) && wholeBuckets(h.Positive()) && wholeBuckets(h.Negative())
}

func wholeBuckets(b sketch.Buckets) bool {
	for b.Next() {
		if !whole(b.Count) {
			return false
		}
	}
	return true
}

func whole(v float64) bool { return v == math.Trunc(v) && v < 1<<53 }

// appendSpans appends the runs of adjacent buckets: the distance of each from the
// end of the previous one, and its length.
func appendSpans(dst []byte, field protowire.Number, b sketch.Buckets) (_ []byte, found bool) {
	end, start, length := int32(0), int32(0), uint64(0)
	for b.Next() {
		if length > 0 && b.Index == start+int32(length) {
			length++
			continue
		}
		if length > 0 {
			dst = appendSpan(dst, field, start-end, length)
			end = start + int32(length)
		}
		start, length = b.Index, 1
	}
	if length > 0 {
		dst = appendSpan(dst, field, start-end, length)
	}
	return dst, length > 0
}

func appendSpan(dst []byte, field protowire.Number, offset int32, length uint64) []byte {
	var span [16]byte
	m := protowire.AppendTag(span[:0], spanOffset, protowire.VarintType)
	m = protowire.AppendVarint(m, protowire.EncodeZigZag(int64(offset)))
	m = protowire.AppendTag(m, spanLength, protowire.VarintType)
	m = protowire.AppendVarint(m, length)
	dst = protowire.AppendTag(dst, field, protowire.BytesType)
	return protowire.AppendBytes(dst, m)
}

// appendCounts appends the counts of the buckets in spans: whole numbers as
// differences from the previous bucket.
func appendCounts(dst []byte, delta, float protowire.Number, b sketch.Buckets, whole bool) []byte {
	before := int64(0)
	for b.Next() {
		if !whole {
			dst = appendProtoDouble(dst, float, b.Count)
			continue
		}
		dst = protowire.AppendTag(dst, delta, protowire.VarintType)
		dst = protowire.AppendVarint(dst, protowire.EncodeZigZag(int64(b.Count)-before))
		before = int64(b.Count)
	}
	return dst
}

func appendProtoDouble(dst []byte, field protowire.Number, v float64) []byte {
	dst = protowire.AppendTag(dst, field, protowire.Fixed64Type)
	return protowire.AppendFixed64(dst, math.Float64bits(v))
}
