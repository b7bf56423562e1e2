package handlers

import "strings"

// Colours of JSON on a terminal: from the sixteen that every theme defines, so
// that they can be read on light and dark.
const (
	paintKey    = "\x1b[34m"
	paintText   = "\x1b[32m"
	paintNumber = "\x1b[36m"
	paintWord   = "\x1b[35m" // true, false, null
	paintEnd    = "\x1b[0m"
)

// paint colours JSON.
func paint(json []byte) []byte {
	var b strings.Builder
	for i := 0; i < len(json); {
		end, colour := i+1, ""
		switch c := json[i]; {
		case c == '"':
			end, colour = textEnd(json, i), paintText
			if end < len(json) && json[end] == ':' {
				colour = paintKey
			}
		case c == '-' || c >= '0' && c <= '9':
			end, colour = runEnd(json, i), paintNumber
		case c >= 'a' && c <= 'z':
			end, colour = runEnd(json, i), paintWord
		}
		if colour == "" {
			b.WriteByte(json[i])
		} else {
			b.WriteString(colour)
			b.Write(json[i:end])
			b.WriteString(paintEnd)
		}
		i = end
	}
	return []byte(b.String())
}

// textEnd returns the end of the text that begins at i.
func textEnd(json []byte, i int) int {
	for i++; i < len(json); i++ {
		switch json[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(json)
}

// runEnd returns the end of the number or word that begins at i.
func runEnd(json []byte, i int) int {
	for i < len(json) && !strings.ContainsRune(",:[]{} \n", rune(json[i])) {
		i++
	}
	return i
}
