package operation

// The codecs, for tests that feed them anything.
var (
	DecodeBody = decodeBody
	EncodeBody = encodeBody
)
