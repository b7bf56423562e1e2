package store

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// CheckTransaction refuses what some backend would refuse, or what Azure Table
// storage refuses and its emulator does not (dependencies §3.1). Every backend
// calls it first, so that a definition which works on a laptop works on Azure.
func CheckTransaction(partition string, ops []Op) error {
	if len(ops) == 0 || len(ops) > MaxTransactionOps {
		return fmt.Errorf("%w: %d operations in one transaction, at most %d", ErrTooLarge, len(ops), MaxTransactionOps)
	}
	if err := checkKey(partition); err != nil {
		return err
	}
	seen := make(map[string]bool, len(ops))
	total := 0
	for _, op := range ops {
		if seen[op.Key] {
			return fmt.Errorf("a row stands twice in one transaction: %s", op.Key)
		}
		seen[op.Key] = true
		if err := checkKey(op.Key); err != nil {
			return err
		}
		size, err := rowSize(op.Properties)
		if err != nil {
			return err
		}
		total += size + 2*(len(partition)+len(op.Key))
	}
	if total > MaxTransactionBytes {
		return fmt.Errorf("%w: %d bytes in one transaction", ErrTooLarge, total)
	}
	return nil
}

// checkKey: Table storage refuses / \ # ? and control characters in keys, and
// keys over 1 KiB.
func checkKey(key string) error {
	if key == "" || len(key) > 512 || strings.ContainsAny(key, "/\\#?") || strings.IndexFunc(key, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) >= 0 {
		return fmt.Errorf("not a legal key: %q", key)
	}
	return nil
}

// rowSize is the size of a row as Table storage counts it, roughly: names and
// texts in UTF-16.
func rowSize(p Properties) (int, error) {
	if len(p) > MaxProperties {
		return 0, fmt.Errorf("%w: %d columns in one row", ErrTooLarge, len(p))
	}
	size := 0
	for name, v := range p {
		size += 8 + 2*len(name)
		switch v := v.(type) {
		case string:
			units := len(v)
			if units > MaxTextUnits/3 { // only then it can matter
				units = len(utf16.Encode([]rune(v)))
			}
			if units > MaxTextUnits {
				return 0, fmt.Errorf("%w: %d characters in the column %s", ErrTooLarge, units, name)
			}
			size += 4 + 2*units
		case []byte:
			if len(v) > MaxBinaryBytes {
				return 0, fmt.Errorf("%w: %d bytes in the column %s", ErrTooLarge, len(v), name)
			}
			size += 4 + len(v)
		case int64, bool, float64, time.Time:
			size += 8
		default:
			return 0, fmt.Errorf("the column %s holds a %T, which a store cannot hold", name, v)
		}
	}
	if size > MaxRowBytes {
		return 0, fmt.Errorf("%w: %d bytes in one row", ErrTooLarge, size)
	}
	return size, nil
}
