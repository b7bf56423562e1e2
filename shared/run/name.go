package run

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/latchwork/latchwork/shared/expr"
)

// ticksAtUnixEpoch is the .NET tick count (100 ns since year 1) at 1970-01-01.
const ticksAtUnixEpoch = 621355968000000000

// reversedTicks are 20 digits that sort newest first as plain text
// (run-semantics §8, identifiers).
func reversedTicks(t time.Time) string {
	ticks := ticksAtUnixEpoch + t.Unix()*1e7 + int64(t.Nanosecond())/100
	return fmt.Sprintf("%020d", math.MaxInt64-ticks)
}

// NewName returns a run name as the product makes them: reversed ticks, nine
// digits, and CU with two digits that name the shard the run is stored in.
func NewName(a expr.Ambient, shard int) string {
	return fmt.Sprintf("%s%09dCU%02d", reversedTicks(a.Now()), a.Rand(1e9), shard)
}

// NameAt returns the name of the run that a trigger which fires by itself starts at
// a time, so that nothing makes two runs of one firing: the name tells them apart.
// Of two at the same time the later sorts first, as everywhere.
func NameAt(t time.Time, fired int64, shard int) string {
	return fmt.Sprintf("%s%09dCU%02d", reversedTicks(t), 1e9-1-fired%1e9, shard)
}

// NewVersion returns a workflow version: reversed ticks.
func NewVersion(t time.Time) string { return reversedTicks(t) }

// guid returns a random UUID of version 4.
func (m *machine) guid() string { return NewGUID(m.ambient) }

// NewGUID returns a random UUID of version 4, in lower case.
func NewGUID(a expr.Ambient) string {
	// 122 bits are random: 60 beside the version in the first half, 62 beside the
	// variant in the second.
	x, y := uint64(a.Rand(1<<61)), uint64(a.Rand(1<<61))
	first, spare := x&(1<<60-1), x>>60
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], first>>12<<16|4<<12|first&0xfff)
	binary.BigEndian.PutUint64(b[8:], 2<<62|y<<1|spare)
	var text [36]byte
	hex.Encode(text[:8], b[:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
