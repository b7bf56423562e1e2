package template

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/google/uuid"

	"github.com/latchwork/latchwork/shared/value"
)

// guidSpace is the namespace of guid(): a UUID of version 5 over the arguments,
// joined by hyphens, as Microsoft documents it.
var guidSpace = uuid.MustParse("11fb06fb-712d-4ddd-98c7-e71bbd588830")

func nameGUID(a []value.Value) (value.Value, error) {
	return value.String(uuid.NewSHA1(guidSpace, []byte(hyphenated(a))).String()), nil
}

func hyphenated(a []value.Value) string {
	parts := make([]string, len(a))
	for i, v := range a {
		parts[i] = textOf(v)
	}
	return strings.Join(parts, "-")
}

func guidOf(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// uniqueString gives the 13 letters and digits that the product gives, so that names
// here are those that the same template has in Azure.
func uniqueString(a []value.Value) (value.Value, error) {
	for _, v := range a {
		if v.Kind() != value.KindString {
			return value.Value{}, errors.New("uniqueString() takes texts")
		}
	}
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	h := murmur([]byte(hyphenated(a)))
	b := make([]byte, 13)
	for i := range b {
		b[i] = letters[h>>59]
		h <<= 5
	}
	return value.String(string(b)), nil
}

// murmur is the product's variant of MurmurHash3 with two lanes of 32 bits.
func murmur(data []byte) uint64 {
	const c1, c2 = 0xab0e9789, 0x239b961b
	var low, high uint32
	mixLow := func(k uint32) { low ^= bits.RotateLeft32(k*c2, 15) * c1 }
	mixHigh := func(k uint32) { high ^= bits.RotateLeft32(k*c1, 17) * c2 }
	rest := data
	for ; len(rest) >= 8; rest = rest[8:] {
		mixLow(binary.LittleEndian.Uint32(rest))
		low = (bits.RotateLeft32(low, 19)+high)*5 + 0x561ccd1b
		mixHigh(binary.LittleEndian.Uint32(rest[4:]))
		high = (bits.RotateLeft32(high, 13)+low)*5 + 0x0bcaa747
	}
	if len(rest) > 0 {
		var tail [8]byte
		copy(tail[:], rest)
		mixLow(binary.LittleEndian.Uint32(tail[:]))
		if len(rest) > 4 {
			mixHigh(binary.LittleEndian.Uint32(tail[4:]))
		}
	}
	low, high = low^uint32(len(data)), high^uint32(len(data)) // a text is shorter than 4 GiB
	low += high
	high += low
	low, high = avalanche(low), avalanche(high)
	low += high
	high += low
	return uint64(high)<<32 | uint64(low)
}

func avalanche(h uint32) uint32 {
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}
