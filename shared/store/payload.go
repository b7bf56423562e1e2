package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/value"
)

// Codec turns values into columns of a row and back. What derives from a secret
// is taken out and sealed; it shows neither in the row nor in a blob.
type Codec struct{ Sealer *seal.Sealer }

// Blob is a payload too large for a row. It is written before the commit that
// names it.
type Blob struct {
	Name string
	Data []byte
}

// The columns of a payload X: X holds JSON text up to maxInline bytes; XZ the
// same compressed; XBlob names a blob. XSeal, or the blob XSealBlob, holds what
// was taken out.
const (
	suffixPacked   = "Z"
	suffixBlob     = "Blob"
	suffixSeal     = "Seal"
	suffixSealBlob = "SealBlob"

	maxInline = 30 << 10
	// crowdedInline holds in a transaction of many large rows, which must not exceed
	// MaxTransactionBytes together.
	crowdedInline = 2 << 10
	maxPlain      = 256 << 20 // of a decompressed payload
)

var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxPlain), zstd.WithDecoderConcurrency(1))
)

// Encode returns the columns of v under a column name, and the blobs to be
// written first. place is where the row stands. In a crowded transaction only what
// is small stays in the row.
func (c Codec) Encode(place, column string, v value.Value, crowded bool) (Properties, []Blob, error) {
	p := Properties{}
	var blobs []Blob
	err := c.encode(p, &blobs, place, column, v, crowded)
	return p, blobs, err
}

// encode adds the columns to a row.
func (c Codec) encode(p Properties, blobs *[]Blob, place, column string, v value.Value, crowded bool) error {
	if v.IsAbsent() {
		return nil
	}
	visible, taken := take(v)
	text, err := spooled(visible)
	if err != nil {
		return err
	}
	c.put(p, blobs, place, column, text, crowded)
	if len(taken) > 0 {
		c.seal(p, blobs, place+"\n"+column, column, value.Reveal(value.Array(taken...)), crowded)
	}
	return nil
}

func (c Codec) put(p Properties, blobs *[]Blob, place, column string, text *spool, crowded bool) {
	inline, binary := maxInline, MaxBinaryBytes
	if crowded {
		inline, binary = crowdedInline, crowdedInline
	}
	if text.packer == nil && len(text.text) <= inline && utf8.Valid(text.text) {
		p[column] = string(text.text)
		return
	}
	packed := text.pack()
	if len(packed) <= binary {
		p[column+suffixPacked] = packed
		return
	}
	name := blobName(place, column, packed)
	p[column+suffixBlob] = name
	*blobs = append(*blobs, Blob{name, packed})
}

func (c Codec) seal(p Properties, blobs *[]Blob, place, column string, text []byte, crowded bool) {
	sealed := c.Sealer.Seal(packer.EncodeAll(text, nil), place)
	most := MaxBinaryBytes / 2
	if crowded {
		most = crowdedInline
	}
	if len(sealed) <= most {
		p[column+suffixSeal] = sealed
		return
	}
	name := blobName(place, column+suffixSeal, sealed)
	p[column+suffixSealBlob] = name
	*blobs = append(*blobs, Blob{name, sealed})
}

// blobName: where the payload belongs and what it holds, so that writing it twice
// is harmless and nothing is ever overwritten.
func blobName(place, column string, data []byte) string {
	partition, key, _ := strings.Cut(place, "\n")
	h := sha256.New()
	h.Write([]byte(place + "\n" + column + "\n"))
	h.Write(data)
	return blobPrefix(partition, owner(key)) + hex.EncodeToString(h.Sum(nil)[:20])
}

// blobPrefix is what the names of all blobs of an owner in a partition begin with.
func blobPrefix(partition, owner string) string {
	return strings.ReplaceAll(partition, ":", "/") + "/" + owner + "/"
}

// owner is what a row belongs to, by its key: a run, a workflow, a trigger. Blobs go
// with it, also those that no row names any more.
func owner(key string) string {
	parts := strings.SplitN(key, ".", 3)
	return parts[min(1, len(parts)-1)]
}

// take returns v with null in place of each outermost value that has an origin,
// and what was there: triples of path, value and origins. Origins further inside are
// pairs of path and origins.
func take(v value.Value) (visible value.Value, taken []value.Value) {
	if !v.Marked() {
		return v, nil
	}
	visible = takeAt(v, nil, &taken)
	return visible, taken
}

func takeAt(v value.Value, path []value.Value, taken *[]value.Value) value.Value {
	if origins := v.Origins(); len(origins) > 0 {
		*taken = append(*taken, value.Array(pathValue(path), v, originsValue(origins)))
		takeInside(v, path, origins, taken)
		return value.Null()
	}
	if !v.Marked() {
		return v
	}
	switch v.Kind() {
	case value.KindArray:
		items := make([]value.Value, v.Len())
		for i, item := range v.Elements {
			items[i] = takeAt(item, append(path, value.Int(int64(i))), taken)
		}
		return value.Array(items...)
	case value.KindObject:
		b := value.NewObject(v.Len())
		for i := range v.Len() {
			b.Set(v.KeyAt(i), takeAt(v.At(i), append(path, value.Int(int64(i))), taken))
		}
		return b.Build()
	default:
		return v
	}
}

// takeInside notes the origins inside of what was taken that the whole does not have.
func takeInside(v value.Value, path []value.Value, whole []value.Origin, taken *[]value.Value) {
	if !v.Marked() {
		return
	}
	for i := range v.Len() {
		inside, at := v.At(i), append(path, value.Int(int64(i)))
		known := inside.Origins() // with those of the whole
		if len(known) > len(whole) {
			*taken = append(*taken, value.Array(pathValue(at), originsValue(known)))
		}
		takeInside(inside, at, known, taken)
	}
}

func pathValue(path []value.Value) value.Value {
	return value.Array(append([]value.Value(nil), path...)...)
}

func originsValue(origins []value.Origin) value.Value {
	list := make([]value.Value, 0, 2*len(origins))
	for _, o := range origins {
		list = append(list, value.Int(int64(o.Class)), value.String(o.Name))
	}
	return value.Array(list...)
}

// Decode returns the value under a column name; fetch reads a blob.
func (c Codec) Decode(place, column string, p Properties, fetch func(name string) ([]byte, error)) (value.Value, error) {
	text, found, err := c.text(column, p, fetch)
	if err != nil || !found {
		return value.Value{}, err
	}
	v, err := value.Parse(text)
	if err != nil {
		return value.Value{}, errors.New("the stored payload is not JSON")
	}
	sealed, _ := p[column+suffixSeal].([]byte)
	if name, ok := p[column+suffixSealBlob].(string); ok {
		if sealed, err = fetch(name); err != nil {
			return value.Value{}, fmt.Errorf("read sealed payload: %w", err)
		}
	}
	if len(sealed) == 0 {
		return v, nil
	}
	packed, err := c.Sealer.Open(sealed, place+"\n"+column)
	if err != nil {
		return value.Value{}, err
	}
	if text, err = unpacker.DecodeAll(packed, nil); err != nil {
		return value.Value{}, errors.New("the sealed payload cannot be unpacked")
	}
	taken, err := value.Parse(text)
	if err != nil {
		return value.Value{}, errors.New("the sealed payload is not JSON")
	}
	for _, t := range taken.Elements {
		if t.Len() == 2 {
			v = change(v, t.At(0), 0, func(was value.Value) value.Value { return was.Mark(origins(t.At(1))...) })
			continue
		}
		v = change(v, t.At(0), 0, func(value.Value) value.Value { return t.At(1).Mark(origins(t.At(2))...) })
	}
	return v, nil
}

func (c Codec) text(column string, p Properties, fetch func(string) ([]byte, error)) (text []byte, found bool, err error) {
	if s, ok := p[column].(string); ok {
		return []byte(s), true, nil
	}
	packed, ok := p[column+suffixPacked].([]byte)
	if name, isBlob := p[column+suffixBlob].(string); isBlob {
		if packed, err = fetch(name); err != nil {
			return nil, false, fmt.Errorf("read payload: %w", err)
		}
		ok = true
	}
	if !ok {
		return nil, false, nil
	}
	if text, err = unpacker.DecodeAll(packed, nil); err != nil {
		return nil, false, errors.New("the stored payload cannot be unpacked")
	}
	return text, true, nil
}

func origins(list value.Value) []value.Origin {
	var all []value.Origin
	for i := 0; i+1 < list.Len(); i += 2 {
		class, _ := list.At(i).AsInt()
		all = append(all, value.Origin{Class: value.Class(class), Name: list.At(i + 1).Str()})
	}
	return all
}

// change replaces what is at a path of positions in v.
func change(v, path value.Value, depth int, by func(value.Value) value.Value) value.Value {
	if depth == path.Len() {
		return by(v)
	}
	at, _ := path.At(depth).AsInt()
	if int(at) >= v.Len() {
		return v
	}
	switch v.Kind() {
	case value.KindArray:
		items := make([]value.Value, v.Len())
		for i, item := range v.Elements {
			items[i] = item
		}
		items[at] = change(items[at], path, depth+1, by)
		return value.Array(items...).Mark(v.Origins()...)
	case value.KindObject:
		b := value.NewObject(v.Len())
		for i := range v.Len() {
			item := v.At(i)
			if i == int(at) {
				item = change(item, path, depth+1, by)
			}
			b.Set(v.KeyAt(i), item)
		}
		return b.Build().Mark(v.Origins()...)
	default:
		return v
	}
}

// BlobName tells whether a payload lies in a blob, and in which.
func (c Codec) BlobName(p Properties, column string) (string, bool) {
	if name, ok := p[column+suffixBlob].(string); ok {
		return name, true
	}
	name, ok := p[column+suffixSealBlob].(string)
	return name, ok
}
