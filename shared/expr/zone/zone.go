// Package zone knows time zones by the ids of Windows and of IANA, from data of
// its own: a custom handler may run where the system has none.
package zone

import (
	_ "embed"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

//go:generate go run ./gen

// index has a line for each zone, sorted by its name in lower case: that name, the
// name, and where its data begins and ends. data is what the time zone database
// holds, each zone once.
var (
	//go:embed index.tsv
	index string
	//go:embed data.bin
	data string

	lines = strings.Split(strings.TrimSuffix(index, "\n"), "\n")
)

// Lookup finds a zone, ignoring case: by its Windows id (expressions, appendix A),
// or by its IANA name. UTC is time.UTC, by any of its names.
func Lookup(id string) (*time.Location, bool) {
	switch strings.ToLower(id) {
	case "utc", "etc/utc", "etc/uct", "uct", "etc/universal", "universal", "etc/zulu", "zulu": // as .NET has them
		return time.UTC, true
	}
	if iana, ok := culture.ZoneOfWindows(id); ok {
		id = iana
	}
	key := strings.ToLower(id)
	i := sort.Search(len(lines), func(i int) bool { return lines[i][:strings.IndexByte(lines[i], '\t')] >= key })
	if i == len(lines) {
		return nil, false
	}
	fields := strings.Split(lines[i], "\t")
	if fields[0] != key {
		return nil, false
	}
	from, errFrom := strconv.Atoi(fields[2])
	to, errTo := strconv.Atoi(fields[3])
	if errFrom != nil || errTo != nil || from > to || to > len(data) {
		return nil, false // cannot be: the generator wrote them
	}
	location, err := time.LoadLocationFromTZData(fields[1], []byte(data[from:to]))
	return location, err == nil
}
