package local

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/latchwork/latchwork/shared/store"
)

// A row is its version in eight bytes, then its columns: name, type, content,
// with lengths as varints.
const (
	typeString = 's'
	typeInt    = 'i'
	typeBool   = 'b'
	typeFloat  = 'f'
	typeTime   = 't'
	typeBytes  = 'x'
)

func encodeRow(version uint64, p store.Properties) []byte {
	size := 8
	for name, v := range p {
		size += len(name) + 12 // the type, and the lengths or what has a fixed one
		switch v := v.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	buf := binary.BigEndian.AppendUint64(make([]byte, 0, size), version)
	for name, v := range p {
		buf = appendText(buf, name)
		switch v := v.(type) {
		case string:
			buf = appendText(append(buf, typeString), v)
		case []byte:
			buf = append(binary.AppendUvarint(append(buf, typeBytes), uint64(len(v))), v...)
		case int64:
			buf = binary.AppendVarint(append(buf, typeInt), v)
		case bool:
			buf = append(buf, typeBool, 0)
			if v {
				buf[len(buf)-1] = 1
			}
		case float64:
			buf = binary.BigEndian.AppendUint64(append(buf, typeFloat), math.Float64bits(v))
		case time.Time:
			// Table storage keeps 100 ns; so does this.
			buf = binary.AppendVarint(append(buf, typeTime), v.Unix())
			buf = binary.AppendVarint(buf, int64(v.Nanosecond()/100))
		}
	}
	return buf
}

func appendText(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

var errCorrupt = errors.New("the store file is damaged: a row cannot be read")

func decodeRow(partition, key string, data []byte) (store.Row, error) {
	if len(data) < 8 {
		return store.Row{}, errCorrupt
	}
	row := store.Row{Partition: partition, Key: key, Properties: store.Properties{}, ETag: strconv.FormatUint(binary.BigEndian.Uint64(data), 10)}
	d := &decoder{data: data[8:]}
	for len(d.data) > 0 && !d.bad {
		name := d.text()
		switch d.one() {
		case typeString:
			row.Properties[name] = d.text()
		case typeBytes:
			row.Properties[name] = []byte(d.text())
		case typeInt:
			row.Properties[name] = d.varint()
		case typeBool:
			row.Properties[name] = d.one() == 1
		case typeFloat:
			row.Properties[name] = math.Float64frombits(d.fixed())
		case typeTime:
			seconds := d.varint()
			row.Properties[name] = time.Unix(seconds, d.varint()*100).UTC()
		default:
			d.bad = true
		}
	}
	if d.bad {
		return store.Row{}, errCorrupt
	}
	return row, nil
}

// decoder reads what encodeRow wrote; bad tells that it could not.
type decoder struct {
	data []byte
	bad  bool
}

func (d *decoder) skip(n int) []byte {
	if n < 0 || n > len(d.data) {
		d.bad, d.data = true, nil
		return nil
	}
	head := d.data[:n]
	d.data = d.data[n:]
	return head
}

func (d *decoder) one() byte {
	if b := d.skip(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *decoder) fixed() uint64 {
	if b := d.skip(8); len(b) == 8 {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.data)
	if n <= 0 {
		d.bad = true
	}
	d.skip(n)
	return v
}

func (d *decoder) text() string {
	size, n := binary.Uvarint(d.data)
	if n <= 0 || size > uint64(len(d.data)) {
		d.bad = true
		return ""
	}
	d.skip(n)
	return string(d.skip(int(size)))
}
