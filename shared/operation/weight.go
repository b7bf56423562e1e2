package operation

import (
	"errors"
	"strings"
)

// errHeavy is what comes of JSON that would take more memory as values than one
// message may.
var errHeavy = errors.New("the JSON of the content holds too many values")

const (
	// maxWeight bounds the memory of the values in one message. Text costs what it is
	// long; a hundred megabytes of "[1,1,1,…" would cost a few gigabytes.
	maxWeight = 128 << 20
	// lightBody needs no look: the least JSON can write of a value is two bytes.
	lightBody = maxWeight / 64

	containerWeight, elementWeight, memberWeight = 128, 40, 32
)

// heavy tells whether the values of a JSON text weigh too much, before they are made.
// It counts what stands outside of strings.
func heavy(text string) bool {
	if len(text) <= lightBody {
		return false
	}
	weight := 0
	for i := 0; i < len(text) && weight <= maxWeight; i++ {
		switch text[i] {
		case '{', '[':
			weight += containerWeight
		case ',':
			weight += elementWeight
		case ':':
			weight += memberWeight
		case '"':
			i = endOfString(text, i+1)
		}
	}
	return weight > maxWeight
}

// endOfString returns where a string that begins at i ends.
func endOfString(text string, i int) int {
	for i < len(text) {
		at := strings.IndexByte(text[i:], '"')
		if at < 0 {
			return len(text)
		}
		at += i
		slashes := 0
		for slashes < at-i && text[at-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at
		}
		i = at + 1
	}
	return i
}
