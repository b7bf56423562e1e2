package culture

import (
	"strings"
	"testing"
)

// TestZoneOfWindows has rows of appendix A of the specification of expressions.
func TestZoneOfWindows(t *testing.T) {
	for id, want := range map[string]string{
		"Dateline Standard Time":          "Etc/GMT+12",
		"UTC-11":                          "Etc/GMT+11",
		"Pacific Standard Time":           "America/Los_Angeles",
		"Pacific Standard Time (Mexico)":  "America/Tijuana",
		"US Eastern Standard Time":        "America/Indianapolis",
		"E. South America Standard Time":  "America/Sao_Paulo",
		"Argentina Standard Time":         "America/Buenos_Aires",
		"UTC":                             "Etc/UTC",
		"GMT Standard Time":               "Europe/London",
		"Greenwich Standard Time":         "Atlantic/Reykjavik",
		"W. Europe Standard Time":         "Europe/Berlin",
		"Romance Standard Time":           "Europe/Paris",
		"Central European Standard Time":  "Europe/Warsaw",
		"FLE Standard Time":               "Europe/Kiev",
		"India Standard Time":             "Asia/Calcutta",
		"Central Asia Standard Time":      "Asia/Bishkek", // older CLDR: Asia/Almaty, which left this offset in 2024
		"Qyzylorda Standard Time":         "Asia/Qyzylorda",
		"China Standard Time":             "Asia/Shanghai",
		"Tokyo Standard Time":             "Asia/Tokyo",
		"Aus Central W. Standard Time":    "Australia/Eucla",
		"UTC+13":                          "Etc/GMT-13",
		"Line Islands Standard Time":      "Pacific/Kiritimati",
		"w. europe standard time":         "Europe/Berlin",
		"AUS CENTRAL W. STANDARD TIME":    "Australia/Eucla",
		"aus eastern standard time":       "Australia/Sydney",
		"central standard time (mexico)":  "America/Mexico_City",
		"yukon standard time":             "America/Whitehorse",
		"South Sudan Standard Time":       "Africa/Juba",
		"Eastern Standard Time":           "America/New_York",
		"Turks And Caicos Standard Time":  "America/Grand_Turk",
		"North Korea Standard Time":       "Asia/Pyongyang",
		"Russia Time Zone 11":             "Asia/Kamchatka",
		"Saint Pierre Standard Time":      "America/Miquelon",
		"Afghanistan Standard Time":       "Asia/Kabul",
		"W. Mongolia Standard Time":       "Asia/Hovd",
		"Mountain Standard Time (Mexico)": "America/Mazatlan", // older CLDR: America/Chihuahua, which left this offset in 2022
	} {
		if got, ok := ZoneOfWindows(id); !ok || got != want {
			t.Errorf("%s is %q, %v; want %s", id, got, ok, want)
		}
	}
	for _, id := range []string{"", "Europe/Berlin", "W. Europe", "W. Europe Standard Time ", "UTC\tEtc/UTC"} {
		if got, ok := ZoneOfWindows(id); ok {
			t.Errorf("%q is no Windows id, but gives %s", id, got)
		}
	}
}

func TestEveryZone(t *testing.T) {
	if n := len(tables.zones); n != 139 {
		t.Errorf("%d zones, want 139", n)
	}
	for _, line := range tables.zones {
		id, want, _ := strings.Cut(line, "\t")
		if got, ok := ZoneOfWindows(id); !ok || got != want || !strings.Contains(want, "/") {
			t.Errorf("%s is %q, %v; want %s", id, got, ok, want)
		}
	}
}
