package line

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	typical = "page.views.total:1|c|@0.5|#env:prod,service:web,region:us-east-1,version:1.2.3"
	full    = typical + "|T1656581409|c:ci-83c0a99c0a54c0c187f461c7980e9b57f3f6a8b0c918c8d93df19a9de6f3fe1d," +
		"in-4026531836|e:it-false,cn-web,pu-810fe89d-da47-410b-8979-9154a40f8183|card:low"
)

// cpu returns the CPU time of this thread, which other load on the machine does not
// change.
func cpu() time.Duration {
	const thisThread = 1 // RUSAGE_THREAD
	var ru syscall.Rusage
	if err := syscall.Getrusage(thisThread, &ru); err != nil {
		panic(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

func benchmarkParse(b *testing.B, o Options, text string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := New(o)
	in := []byte(text)
	var l Line
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		if r := p.Parse(in, &l); r != Accepted {
			b.Fatal(r)
		}
	}
	b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op")
}

func BenchmarkParseTypical(b *testing.B) { benchmarkParse(b, Options{}, typical) }
func BenchmarkParseFull(b *testing.B)    { benchmarkParse(b, Options{}, full) }
func BenchmarkParseBare(b *testing.B)    { benchmarkParse(b, Options{}, "jobs.done:1|c") }
func BenchmarkParsePacked(b *testing.B) {
	benchmarkParse(b, Options{}, "request.time:"+strings.Repeat("12.5:", 19)+"12.5|d|#env:prod")
}
func BenchmarkParseEtsy(b *testing.B) {
	benchmarkParse(b, Options{Dialect: Etsy}, "page.views.total:1|c|@0.5")
}
