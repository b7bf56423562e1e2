package dotnet

import (
	"math/big"
	"strconv"

	"github.com/cockroachdb/apd/v3"
)

// A .NET decimal has a coefficient of 96 bits and a scale of 0 to 28.
const maxScale = 28

var (
	maxCoefficient = func() *apd.BigInt {
		n := new(apd.BigInt).SetMathBigInt(new(big.Int).Lsh(big.NewInt(1), 96))
		return n.Sub(n, apd.NewBigInt(1))
	}()
	exact = apd.Context{Precision: 100, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven, Traps: apd.DefaultTraps}
)

// FitDecimal rounds d, half to even, to what a .NET decimal can hold. False means
// that it is too large.
func FitDecimal(d *apd.Decimal) (*apd.Decimal, bool) {
	if d.Form != apd.Finite || d.Exponent > 1000 {
		return nil, false
	}
	fitted := new(apd.Decimal).Set(d)
	if fitted.Exponent > 0 {
		if _, err := exact.Quantize(fitted, fitted, 0); err != nil {
			return nil, false
		}
	}
	scale := min(-fitted.Exponent, maxScale)
	for ; scale >= 0; scale-- {
		candidate := new(apd.Decimal)
		if _, err := wide(fitted).Quantize(candidate, fitted, -scale); err == nil && candidate.Coeff.Cmp(maxCoefficient) <= 0 {
			if candidate.IsZero() {
				candidate.Negative = false
			}
			return candidate, true
		}
	}
	return nil, false
}

// wide is a context with room for every digit of d.
func wide(d *apd.Decimal) *apd.Context {
	c := exact
	c.Precision = uint32(max(d.NumDigits()+40, 100))
	return &c
}

// DecimalOfFloat converts as .NET does, by 15 significant digits.
func DecimalOfFloat(f float64) (*apd.Decimal, bool) {
	d, _, err := apd.NewFromString(strconv.FormatFloat(f, 'e', 14, 64))
	if err != nil || d.Form != apd.Finite {
		return nil, false
	}
	d.Reduce(d)
	fitted, ok := FitDecimal(d)
	if ok && fitted.IsZero() {
		return new(apd.Decimal), true // too small ones have no scale
	}
	return fitted, ok
}

// Arithmetic on decimals: the scale of a sum is the larger one, that of a product
// their sum, that of a quotient as small as it is exact. False means overflow.
func AddDecimal(a, b *apd.Decimal) (*apd.Decimal, bool) {
	d := new(apd.Decimal)
	_, err := exact.Add(d, a, b)
	return fitOr(d, err)
}

// SubDecimal returns a − b.
func SubDecimal(a, b *apd.Decimal) (*apd.Decimal, bool) {
	d := new(apd.Decimal)
	_, err := exact.Sub(d, a, b)
	return fitOr(d, err)
}

// MulDecimal returns a × b. A zero keeps the scale only if both factors are short,
// as in .NET.
func MulDecimal(a, b *apd.Decimal) (*apd.Decimal, bool) {
	d := new(apd.Decimal)
	_, err := exact.Mul(d, a, b)
	if short := a.Coeff.BitLen() <= 32 && b.Coeff.BitLen() <= 32; d.IsZero() && !short {
		return new(apd.Decimal), err == nil
	}
	return fitOr(d, err)
}

// QuoDecimal returns a ÷ b; b is not zero. Its scale is the difference of their
// scales if that is enough, else as small as the quotient allows.
func QuoDecimal(a, b *apd.Decimal) (*apd.Decimal, bool) {
	d := new(apd.Decimal)
	if _, err := exact.Quo(d, a, b); err != nil {
		return nil, false
	}
	fitted, ok := FitDecimal(d)
	if !ok {
		return nil, false
	}
	ideal := min(a.Exponent-b.Exponent, 0)
	at := new(apd.Decimal)
	if _, err := exact.Quantize(at, d, ideal); err == nil && at.Cmp(d) == 0 {
		return FitDecimal(at)
	}
	fitted.Reduce(fitted)
	return FitDecimal(fitted) // without an exponent above 0
}

// RemDecimal returns the remainder of a ÷ b, with the sign of a; b is not zero.
func RemDecimal(a, b *apd.Decimal) (*apd.Decimal, bool) {
	d := new(apd.Decimal)
	if _, err := exact.Rem(d, a, b); err != nil {
		return nil, false
	}
	if exponent := min(a.Exponent, b.Exponent); d.Exponent > exponent {
		if _, err := exact.Quantize(d, d, exponent); err != nil {
			return nil, false
		}
	}
	return FitDecimal(d)
}

func fitOr(d *apd.Decimal, err error) (*apd.Decimal, bool) {
	if err != nil {
		return nil, false
	}
	return FitDecimal(d)
}
