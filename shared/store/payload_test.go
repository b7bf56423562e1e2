package store_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

const canary = "CANARY-in-a-payload"

func codec(t testing.TB) store.Codec {
	t.Helper()
	s, err := seal.New(bytes.Repeat([]byte{3}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return store.Codec{Sealer: s}
}

// roundTrip encodes and decodes, and returns all bytes that lie open in between.
func roundTrip(t testing.TB, v value.Value) (value.Value, []byte) {
	t.Helper()
	c := codec(t)
	p, blobs, err := c.Encode("p:00\nrow", "Inputs", v, false)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string][]byte{}
	var open []byte
	for _, b := range blobs {
		byName[b.Name] = b.Data
		open = append(open, b.Data...)
	}
	for name, column := range p {
		open = append(open, fmt.Sprint(name, column)...)
		if data, ok := column.([]byte); ok {
			open = append(open, data...)
		}
	}
	if len(p) > 0 {
		if err := store.CheckTransaction("p:00", []store.Op{{Kind: store.Insert, Key: "row", Properties: p}}); err != nil {
			t.Fatalf("the columns do not fit a row: %v", err)
		}
	}
	got, err := c.Decode("p:00\nrow", "Inputs", p, func(name string) ([]byte, error) {
		if data, ok := byName[name]; ok {
			return data, nil
		}
		return nil, store.ErrNotFound
	})
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := c.BlobName(p, "Inputs"); ok != (len(blobs) > 0) || ok && byName[name] == nil {
		t.Errorf("BlobName = %q %v of %d blobs", name, ok, len(blobs))
	}
	return got, open
}

func same(a, b value.Value) bool {
	return a.IsAbsent() == b.IsAbsent() && bytes.Equal(value.Reveal(a), value.Reveal(b)) && fmt.Sprint(a.Taint()) == fmt.Sprint(b.Taint())
}

func TestPayloadsRoundTrip(t *testing.T) {
	random := make([]byte, 300<<10)
	generator := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte('!' + generator.IntN(90))
	}
	for name, v := range map[string]value.Value{
		"absent": {}, "null": value.Null(), "text": value.String("ü😀\x00"), "empty object": value.Object(), "number": value.Int(1 << 62),
		"30 KiB": value.String(strings.Repeat("a", 29<<10)), "64 KiB": value.String(strings.Repeat("ab", 32<<10)), "1 MiB": value.String(strings.Repeat("abc", 350<<10)),
		"300 KiB that do not shrink": value.String(string(random)),
		"invalid UTF-8":              value.String("a\ufffdb"),
	} {
		if got, _ := roundTrip(t, v); !same(got, v) {
			t.Errorf("%s does not survive: %.80s", name, got)
		}
	}
}

func TestMarkedValuesLieSealed(t *testing.T) {
	origin := value.Origin{Class: value.Secured, Name: "keyvault:secret"}
	secret := value.String(canary).Mark(origin)
	large := value.String(strings.Repeat(canary, 20000)).Mark(origin, value.Origin{Class: value.Credential, Name: "x"})
	for name, v := range map[string]value.Value{
		"whole": secret, "large": large,
		"object":  value.Object(value.Member{Key: "a", Value: value.Int(1)}, value.Member{Key: "b", Value: secret}, value.Member{Key: "c", Value: value.Array(secret, value.Null(), value.Object(value.Member{Key: "d", Value: large}))}),
		"subtree": value.Object(value.Member{Key: "s", Value: value.Object(value.Member{Key: "inner", Value: value.String(canary)}).Mark(origin)}),
		"null":    value.Array(value.Null().Mark(origin)),
	} {
		got, open := roundTrip(t, v)
		if !same(got, v) {
			t.Errorf("%s does not survive: %s %v, want %s %v", name, value.Reveal(got)[:40], got.Taint(), value.Reveal(v)[:40], v.Taint())
		}
		if bytes.Contains(open, []byte(canary)) || bytes.Contains(open, []byte(base64.StdEncoding.EncodeToString([]byte(canary))[:20])) {
			t.Errorf("%s lies open", name)
		}
	}
}

func TestSealedPayloadsOpenOnlyInTheirPlace(t *testing.T) {
	c := codec(t)
	p, _, err := c.Encode("p:00\nrow", "Inputs", value.String(canary).Mark(value.Origin{Class: value.Secured, Name: "n"}), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Decode("p:00\nother", "Inputs", p, nil); err == nil {
		t.Error("a sealed payload opened in another row")
	}
}

func TestGeneratedPayloadsRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		g := rand.New(rand.NewPCG(seed, 7))
		if v := generate(g, 4); true {
			if got, open := roundTrip(t, v); !same(got, v) || bytes.Contains(open, []byte(canary)) {
				t.Fatalf("seed %d: %s", seed, value.Reveal(v))
			}
		}
	}
}

// generate makes a value in which some parts are marked; only those hold the
// canary.
func generate(g *rand.Rand, depth int) value.Value {
	if g.IntN(6) == 0 {
		return value.Array(value.String(canary), value.Int(g.Int64())).Mark(value.Origin{Class: value.Class(1 + g.IntN(2)), Name: fmt.Sprint("o", g.IntN(3))})
	}
	switch n := g.IntN(8); {
	case n < 2 && depth > 0:
		b := value.NewObject(0)
		for i := range g.IntN(5) {
			b.Set(fmt.Sprint("k", i), generate(g, depth-1))
		}
		return b.Build()
	case n < 4 && depth > 0:
		items := make([]value.Value, g.IntN(5))
		for i := range items {
			items[i] = generate(g, depth-1)
		}
		return value.Array(items...)
	case n == 4:
		return value.Float(g.NormFloat64() * 1e6)
	case n == 5:
		return value.Null()
	default:
		return value.String(strings.Repeat("x", g.IntN(20)))
	}
}

func BenchmarkCodec(b *testing.B) {
	v, err := value.Parse([]byte(`{"orders":[` + strings.Repeat(`{"id":"A-17","total":1250.5,"lines":[{"sku":"X1","quantity":2}],"open":true},`, 20) + `null]}`))
	if err != nil {
		b.Fatal(err)
	}
	c := codec(b)
	marked := v.With("secret", value.String(canary).Mark(value.Origin{Class: value.Secured, Name: "n"}))
	for name, x := range map[string]value.Value{"plain": v, "sealed": marked} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p, _, err := c.Encode("p:00\nrow", "Inputs", x, false)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := c.Decode("p:00\nrow", "Inputs", p, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Origins inside of what has an origin of its own come back, each where it was: a
// credential within a secured side stays one.
func TestOriginsInsideOfOthersComeBack(t *testing.T) {
	side, key := value.Origin{Class: value.Secured, Name: "side"}, value.Origin{Class: value.Credential, Name: "key"}
	v := value.Object(value.Member{Key: "open", Value: value.Int(1)}, value.Member{Key: "side", Value: value.Object(
		value.Member{Key: "a", Value: value.String("plain")},
		value.Member{Key: "b", Value: value.Array(value.String("x"), value.String("secret").Mark(key))}).Mark(side)})
	c := codec(t)
	p, blobs, err := c.Encode("p\nk", "X", v, false)
	if err != nil || len(blobs) != 0 {
		t.Fatal(blobs, err)
	}
	back, err := c.Decode("p\nk", "X", p, nil)
	if err != nil {
		t.Fatal(err)
	}
	shown := func(v value.Value) string { return string(value.Reveal(value.Redact(v, value.Credential))) }
	if shown(back) != shown(v) || !strings.Contains(shown(back), `"b":["x","[redacted]"]`) {
		t.Errorf("got %s, want %s", shown(back), shown(v))
	}
	if got := back.Member("side").Member("a").Origins(); len(got) != 1 || got[0] != side {
		t.Errorf("beside it: %v", got)
	}
	if got := back.Member("side").Member("b").At(1).Origins(); len(got) != 2 {
		t.Errorf("the credential: %v", got)
	}
}
