package frame

import (
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

// A writer of another version knows fewer columns or more, and kinds that we do not.
func TestOtherCatalogue(t *testing.T) {
	for name, extra := range map[string]int{"older writer": -50, "newer writer": 37} {
		t.Run(name, func(t *testing.T) {
			width := func(k metric.Kind) int {
				if k == metric.Container {
					return metric.Width(k) + extra
				}
				return metric.Width(k)
			}
			tail := []byte{200, 1, 3, 'x', 'y', 'z', 127, 0}
			w := newWorld(5, 30).apps(10)
			var key, got Batch
			var keyCols, gotCols Columns
			cols := []int{metric.CPUUsage, metric.Width(metric.Container) - 1, metric.Width(metric.Container)}
			dec := NewDecoder()
			for range 20 {
				b := w.tick()
				b.Parts, b.Key = 1, b.Seq
				dst, against, dstCols, againstCols := &key, (*Batch)(nil), &keyCols, (*Columns)(nil)
				if b.Seq > 1 {
					b.Key, dst, against, dstCols, againstCols = 1, &got, &key, &gotCols, &keyCols
				}
				if b.Seq == 10 {
					w.add() // rows that only the delta has
				}
				data := refEncode(b, against, width, tail)
				if err := dec.Decode(data, against, dst); err != nil {
					t.Fatal(err)
				}
				if err := dec.DecodeColumns(data, againstCols, dstCols, metric.Container, cols); err != nil {
					t.Fatal(err)
				}
				sameHistograms(t, b.Table(metric.App), dst.Table(metric.App))
				sameSets(t, b.Table(metric.App), dst.Table(metric.App))
				for i := range b.Tables {
					from, to := &b.Tables[i], dst.Table(b.Tables[i].Kind)
					for r := range from.Rows {
						for c, v := range from.Row(r) {
							if c >= width(from.Kind) {
								v = metric.Absent
							}
							if to.Row(r)[c] != v {
								t.Fatalf(
									"seq %d: row %d column %d of %s is %d, want %d",
									b.Seq,
									r,
									c,
									from.Kind,
									to.Row(r)[c],
									v,
								)
							}
							for j, col := range cols {
								if from.Kind == metric.Container && col == c && dstCols.Vals[j][r] != v {
									t.Fatalf("column %d of row %d is %d, want %d", c, r, dstCols.Vals[j][r], v)
								}
							}
						}
					}
				}
			}
		})
	}
}
