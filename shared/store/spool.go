package store

import (
	"bytes"

	"github.com/klauspost/compress/zstd"

	"github.com/latchwork/latchwork/shared/value"
)

// spool takes the text of a payload. Up to a megabyte is kept as it is; what is longer
// is packed as it comes, so that it is never in memory as a whole.
type spool struct {
	text   []byte
	packed bytes.Buffer
	packer *zstd.Encoder // nil while the text is kept
}

const spoolText = 1 << 20

// spooled returns the JSON of v in a spool.
func spooled(v value.Value) (*spool, error) {
	s := &spool{}
	if err := value.RevealTo(s, v); err != nil {
		return nil, err
	}
	if s.packer != nil {
		return s, s.packer.Close()
	}
	return s, nil
}

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	if s.packer == nil && len(s.text)+len(p) <= spoolText {
		s.text = append(s.text, p...)
		return len(p), nil
	}
	if s.packer == nil {
		var err error
		if s.packer, err = zstd.NewWriter(&s.packed, zstd.WithEncoderConcurrency(1)); err != nil {
			return 0, err
		}
		if _, err := s.packer.Write(s.text); err != nil {
			return 0, err
		}
		s.text = nil
	}
	return s.packer.Write(p)
}

// pack returns the packed text.
func (s *spool) pack() []byte {
	if s.packer != nil {
		return s.packed.Bytes()
	}
	return packer.EncodeAll(s.text, nil)
}
