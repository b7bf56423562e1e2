package dotnet_test

import (
	"math"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/latchwork/latchwork/shared/expr/dotnet"
)

const (
	largest  = "79228162514264337593543950335"
	smallest = "0.0000000000000000000000000001"
	zero28   = "0.0000000000000000000000000000"
)

func TestDecimalArithmetic(t *testing.T) {
	for _, c := range []struct{ a, operator, b, want string }{ // "" for overflow
		{"1.50", "+", "1.5", "3.00"}, {"1", "+", "0.00", "1.00"}, {"0.1", "+", "0.2", "0.3"}, {"-1.5", "+", "1.5", "0.0"}, {largest, "+", "1", ""}, {largest, "+", "0.1", largest}, {largest, "+", "0.5", ""}, {"-" + largest, "+", largest, "0"}, {largest, "+", smallest, largest}, {"7.9228162514264337593543950335", "+", "1", "8.922816251426433759354395034"},
		{"5", "-", "5.000", "0.000"}, {"1", "-", "0.9", "0.1"}, {"-" + largest, "-", "1", ""}, {"0.3", "-", "0.1", "0.2"},
		{"1.5", "*", "2.50", "3.750"}, {"4294967295", "*", "4294967295", "18446744065119617025"}, {"0.00", "*", "5", "0.00"}, {"0.00", "*", largest, "0"}, {largest, "*", "1", largest}, {largest, "*", "2", ""}, {largest, "*", "0.1", "7922816251426433759354395033.5"}, {smallest, "*", "0.1", zero28}, {smallest, "*", "0.5", zero28}, {smallest, "*", "1.5", "0.0000000000000000000000000002"}, {"-1.5", "*", "2", "-3.0"}, {"1.23456789012345678901234567", "*", "1.1", "1.358024679135802467913580237"},
		{"1", "/", "3", "0.3333333333333333333333333333"}, {"2", "/", "3", "0.6666666666666666666666666667"}, {"10", "/", "4", "2.5"}, {"4.00", "/", "2", "2.00"}, {"1.00", "/", "4", "0.25"}, {"1.000", "/", "4", "0.250"}, {"100", "/", "0.5", "200"}, {"5", "/", "2.50", "2"}, {"-7", "/", "2", "-3.5"}, {"0.00", "/", "5", "0.00"}, {"0", "/", "5.00", "0"}, {largest, "/", "0.1", ""}, {largest, "/", "3", "26409387504754779197847983445"}, {"1", "/", largest, "0"}, {"100", "/", "8", "12.5"}, {"1", "/", "1024", "0.0009765625"}, {"20000", "/", "3", "6666.6666666666666666666666667"},
		{"7.5", "%", "2", "1.5"}, {"-7", "%", "2", "-1"}, {"7", "%", "-2", "1"}, {"7.50", "%", "2.5", "0.00"}, {"1", "%", "0.3", "0.1"}, {largest, "%", "10", "5"}, {largest, "%", smallest, zero28}, {"5", "%", largest, "5"},
	} {
		operation := map[string]func(a, b *apd.Decimal) (*apd.Decimal, bool){
			"+": dotnet.AddDecimal, "-": dotnet.SubDecimal, "*": dotnet.MulDecimal, "/": dotnet.QuoDecimal, "%": dotnet.RemDecimal,
		}[c.operator]
		d, ok := operation(dec(t, c.a), dec(t, c.b))
		got := ""
		if ok {
			got = d.Text('f')
		}
		if got != c.want {
			t.Errorf("%s %s %s: got %q, want %q", c.a, c.operator, c.b, got, c.want)
		}
	}
}

func TestDecimalOfFloat(t *testing.T) {
	for f, want := range map[float64]string{ // 15 significant digits
		0: "0", 5: "5", 2.5: "2.5", 0.1: "0.1", 1.0 / 3: "0.333333333333333", 123456789012345680: "123456789012346000", 1e28: "10000000000000000000000000000", 7.9e28: "79000000000000000000000000000", -2.50: "-2.5",
		8e28: "", 1e29: "", math.MaxFloat64: "", math.Inf(1): "", math.Inf(-1): "", 1e-28: "0.0000000000000000000000000001", 4e-29: "0", 1e-300: "0", 0.1 + 0.2: "0.3",
	} {
		d, ok := dotnet.DecimalOfFloat(f)
		got := ""
		if ok {
			got = d.Text('f')
		}
		if got != want {
			t.Errorf("%v: got %q, want %q", f, got, want)
		}
	}
	if d, ok := dotnet.DecimalOfFloat(math.NaN()); ok {
		t.Errorf("NaN: got %v", d)
	}
	if d, ok := dotnet.DecimalOfFloat(math.Copysign(0, -1)); !ok || d.Text('f') != "0" {
		t.Errorf("-0: got %v", d)
	}
}

func TestFitDecimal(t *testing.T) {
	for text, want := range map[string]string{
		"1e28": "10000000000000000000000000000", "1e29": "", "1e5000": "", "1e-5000": zero28, "0e50": "0", "-0e-2": "0.00", "0e-50": zero28, "NaN": "", "Infinity": "", "12345678901234567890123456789.5": "12345678901234567890123456790", "1234567890123456789012345678.95": "1234567890123456789012345679.0", "0.99999999999999999999999999999": "1.0000000000000000000000000000", "9.99999999999999999999999999995": "10.000000000000000000000000000",
	} {
		d, _, err := apd.NewFromString(text)
		if err != nil {
			t.Fatal(err)
		}
		fitted, ok := dotnet.FitDecimal(d)
		got := ""
		if ok {
			got = fitted.Text('f')
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
