package dotnet_test

import (
	"testing"

	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
)

func BenchmarkParseTime(b *testing.B) {
	for _, text := range []string{"2026-03-05", "2026-03-05T14:07:09.0450000Z", "2026-03-05T14:07:09+02:00", "2026-03-05 14:07:09", "3/5/2026 2:07 PM", "Thu, 05 Mar 2026 14:07:09 GMT"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			c := culture.EnUS()
			for b.Loop() {
				if _, ok := dotnet.ParseTime(text, c, now); !ok {
					b.Fatal("not read")
				}
			}
		})
	}
}

func BenchmarkFormatTime(b *testing.B) {
	tm := moment(b, "2026-03-05T14:07:09.0450000Z")
	for _, pattern := range []string{"o", "yyyy-MM-dd", "yyyy-MM-ddTHH:mm:ssZ", "D"} {
		b.Run(pattern, func(b *testing.B) {
			b.ReportAllocs()
			c := culture.EnUS()
			for b.Loop() {
				if _, err := tm.Format(pattern, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFormatNumber(b *testing.B) {
	c := culture.EnUS()
	b.Run("int N2", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dotnet.FormatInt(1234567, "N2", c); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, format := range []string{"N2", "#,##0.00", "G"} {
		b.Run("float "+format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := dotnet.FormatFloat(1234567.891, format, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseFloat(b *testing.B) {
	c := culture.EnUS()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := dotnet.ParseFloat("1,234,567.891", c); !ok {
			b.Fatal("not read")
		}
	}
}
