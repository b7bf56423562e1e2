package expr

import (
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
	"github.com/latchwork/latchwork/shared/expr/zone"
	"github.com/latchwork/latchwork/shared/value"
)

// Dates and times (expressions §8).
var _ = register(Times,
	Function{Signature: "utcNow(format? string)", Doc: "The present time in UTC.", Body: func(c *Call) (value.Value, error) { return c.written(c.now(), 0, enUS) },
		Examples: []Example{{"@length(utcNow())", `28`}, {"@length(utcNow('yyyy-MM-dd'))", `10`}}},
	Function{Signature: "getFutureTime(interval integer, unit string, format? string)", Doc: "The present time plus some seconds, minutes, hours, days, weeks, months or years.", Body: func(c *Call) (value.Value, error) { return c.moved(c.now(), 0, +1) },
		Examples: []Example{{"@less(utcNow(),getFutureTime(1,'Day'))", `true`}}},
	Function{Signature: "getPastTime(interval integer, unit string, format? string)", Doc: "The present time less some seconds, minutes, hours, days, weeks, months or years.", Body: func(c *Call) (value.Value, error) { return c.moved(c.now(), 0, -1) },
		Examples: []Example{{"@greater(utcNow(),getPastTime(1,'Week'))", `true`}}},
	onTime("addToTime(timestamp string, interval integer, unit string, format? string)", "A time plus some seconds, minutes, hours, days, weeks, months or years.", func(c *Call, t dotnet.Time) (value.Value, error) { return c.moved(t, 1, +1) },
		Example{"@addToTime('2026-01-31T00:00:00Z',1,'Month')", `"2026-02-28T00:00:00.0000000Z"`}),
	onTime("subtractFromTime(timestamp string, interval integer, unit string, format? string)", "A time less some seconds, minutes, hours, days, weeks, months or years.", func(c *Call, t dotnet.Time) (value.Value, error) { return c.moved(t, 1, -1) },
		Example{"@subtractFromTime('2024-02-29T12:00:00Z',1,'Year','yyyy-MM-dd')", `"2023-02-28"`}),
	adding("addSeconds", "seconds", dotnet.TicksPerSecond, Example{"@addSeconds('2026-01-15T10:30:00Z',30)", `"2026-01-15T10:30:30.0000000Z"`}),
	adding("addMinutes", "minutes", dotnet.TicksPerMinute, Example{"@addMinutes('2026-12-31T23:59:00Z',1)", `"2027-01-01T00:00:00.0000000Z"`}),
	adding("addHours", "hours", dotnet.TicksPerHour, Example{"@addHours('2026-01-15T10:30:00',-11)", `"2026-01-14T23:30:00.0000000"`}),
	adding("addDays", "days", dotnet.TicksPerDay, Example{"@addDays('2026-01-15T10:30:00Z',-1,'yyyy-MM-dd')", `"2026-01-14"`}),
	onTime("formatDateTime(timestamp string, format? string, locale? string)", "A time in a standard or custom .NET format, with the names of a culture.", func(c *Call, t dotnet.Time) (value.Value, error) {
		in, err := c.culture(2, enUS)
		if err != nil {
			return value.Value{}, err
		}
		return c.written(t, 1, in)
	}, Example{"@formatDateTime('2026-03-05T14:07:09Z','dddd d MMMM yyyy','de-DE')", `"Donnerstag 5 März 2026"`}, Example{"@formatDateTime('2026-03-05','D')", `"Thursday, March 5, 2026"`}),
	Function{Signature: "parseDateTime(text any, locale? string, format? string)", Doc: "The time in a text as a culture writes it, or exactly in a .NET format.", Body: parseDateTime,
		Examples: []Example{{"@parseDateTime('15.01.2026','de-DE')", `"2026-01-15T00:00:00.0000000"`}, {"@parseDateTime('20260305-1407','en-US','yyyyMMdd-HHmm')", `"2026-03-05T14:07:00.0000000"`}}},
	onTime("startOfHour(timestamp string, format? string)", "The first moment of the hour of a time.", starting(func(t time.Time) time.Time { return t.Truncate(time.Hour) }),
		Example{"@startOfHour('2026-03-05T14:59:59Z','HH:mm')", `"14:00"`}),
	onTime("startOfDay(timestamp string, format? string)", "The first moment of the day of a time.", starting(func(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }),
		Example{"@startOfDay('2026-01-15T10:30:00Z')", `"2026-01-15T00:00:00.0000000Z"`}),
	onTime("startOfMonth(timestamp string, format? string)", "The first moment of the month of a time.", starting(func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC) }),
		Example{"@startOfMonth('2024-02-29T23:59:59Z')", `"2024-02-01T00:00:00.0000000Z"`}),
	onTime("dayOfWeek(timestamp string)", "The day of the week of a time; Sunday is 0.", func(_ *Call, t dotnet.Time) (value.Value, error) { return value.Int(int64(t.Clock().Weekday())), nil },
		Example{"@dayOfWeek('2026-03-01')", `0`}),
	onTime("dayOfMonth(timestamp string)", "The day of the month of a time.", func(_ *Call, t dotnet.Time) (value.Value, error) { return value.Int(int64(t.Clock().Day())), nil },
		Example{"@dayOfMonth('2026-03-01')", `1`}),
	onTime("dayOfYear(timestamp string)", "The day of the year of a time.", func(_ *Call, t dotnet.Time) (value.Value, error) { return value.Int(int64(t.Clock().YearDay())), nil },
		Example{"@dayOfYear('2024-12-31')", `366`}),
	onTime("ticks(timestamp string)", "The units of 100 nanoseconds from the year 1 to a time.", func(_ *Call, t dotnet.Time) (value.Value, error) { return value.Int(t.Ticks), nil },
		Example{"@ticks('1970-01-01T00:00:00Z')", `621355968000000000`}),
	onTime("dateDifference(start any, end any)", "The time span from one time to another, as [-][d.]hh:mm:ss[.fffffff].", func(c *Call, start dotnet.Time) (value.Value, error) {
		end, err := c.time(1)
		return value.String(dotnet.SpanText(end.Ticks - start.Ticks)), err
	}, Example{"@dateDifference('2026-01-15T10:00:00Z','2026-01-17T11:00:00Z')", `"2.01:00:00"`}),
	onTime("convertFromUtc(timestamp string, zone string, format? string)", "A time in UTC as the clocks of a zone show it.", func(c *Call, t dotnet.Time) (value.Value, error) { return c.toZone(t, 1, 2) },
		Example{"@convertFromUtc('2026-07-01T00:00:00Z','Eastern Standard Time')", `"2026-06-30T20:00:00.0000000"`}),
	onTime("convertToUtc(timestamp string, zone string, format? string)", "A time that the clocks of a zone show, in UTC.", convertToUtc,
		Example{"@convertToUtc('2026-07-15T11:30:00','W. Europe Standard Time')", `"2026-07-15T09:30:00.0000000Z"`}),
	onTime("convertTimeZone(timestamp string, from string, to string, format? string)", "A time that the clocks of one zone show, as those of another do.", convertTimeZone,
		Example{"@convertTimeZone('2026-01-15T10:30:00Z','UTC','Tokyo Standard Time')", `"2026-01-15T19:30:00.0000000"`}),
	Function{Signature: "formatTimeSpan(span string, format string, locale? string)", Doc: "A time span in a .NET format.", Body: formatTimeSpan,
		Examples: []Example{{`@formatTimeSpan('01:30:05','hh\:mm')`, `"01:30"`}}},
)

// now is the present time.
func (c *Call) now() dotnet.Time { return dotnet.FromTime(c.env.Ambient.Now()) }

// onTime makes a function whose first argument is a time.
func onTime(signature, doc string, body func(c *Call, t dotnet.Time) (value.Value, error), examples ...Example) Function {
	return Function{Signature: strings.Replace(signature, "timestamp string", "timestamp any", 1), Doc: doc, Examples: examples, Body: func(c *Call) (value.Value, error) {
		t, err := c.time(0)
		if err != nil {
			return value.Value{}, err
		}
		return body(c, t)
	}}
}

// time reads argument i (E-date).
func (c *Call) time(i int) (dotnet.Time, error) {
	s, isText := c.Args[i].AsString()
	if !isText && !c.Args[i].IsNull() {
		return dotnet.Time{}, c.fn.wrongType(i, stringType, c.Args[i].Kind())
	}
	t, ok := dotnet.ParseTime(s, enUS, c.now)
	if !ok {
		return t, c.badTime(s)
	}
	return t, nil
}

func (c *Call) badTime(text string) error {
	return failure("In function '%s', the value provided for date time string '%s' was not valid. The datetime string must match ISO 8601 format.", c.fn.Name, text)
}

// written writes a time in the format that argument i holds, or the round-trip
// format.
func (c *Call) written(t dotnet.Time, i int, in *culture.Culture) (value.Value, error) {
	s, err := t.Format(c.str(i), in)
	if err != nil {
		return value.Value{}, c.badFormat(c.str(i))
	}
	return value.String(s), nil
}

func (c *Call) badFormat(format string) error {
	return failure("In function '%s', the value provided for the format '%s' was not valid. The format must be a valid .NET format string.", c.fn.Name, format)
}

func (c *Call) outOfRange() error {
	return failure("In function '%s', the resulting date time is out of range.", c.fn.Name)
}

// moved adds the interval in argument i, in the unit behind it, written in the
// format behind that.
func (c *Call) moved(t dotnet.Time, i int, sign int64) (value.Value, error) {
	unit := lower(c.str(i + 1))
	if !dotnet.IsUnit(unit) {
		return value.Value{}, failure("In function '%s', the value provided for the time unit '%s' was not valid. It must be one of 'Second, Minute, Hour, Day, Week, Month, Year'.", c.fn.Name, c.str(i+1))
	}
	t, err := t.AddUnits(sign*c.integer(i), unit)
	if err != nil {
		return value.Value{}, c.outOfRange()
	}
	return c.written(t, i+2, enUS)
}

func adding(name, units string, ticks int64, examples ...Example) Function {
	return onTime(name+"(timestamp string, "+units+" integer, format? string)", "A time plus some "+units+".", func(c *Call, t dotnet.Time) (value.Value, error) {
		n := c.integer(1)
		if n*ticks/ticks != n {
			return value.Value{}, c.outOfRange()
		}
		t, err := t.Add(n * ticks)
		if err != nil {
			return value.Value{}, c.outOfRange()
		}
		return c.written(t, 2, enUS)
	}, examples...)
}

func starting(of func(time.Time) time.Time) func(c *Call, t dotnet.Time) (value.Value, error) {
	return func(c *Call, t dotnet.Time) (value.Value, error) {
		return c.written(dotnet.Time{Ticks: dotnet.FromTime(of(t.Clock())).Ticks, Kind: t.Kind}, 1, enUS)
	}
}

func parseDateTime(c *Call) (value.Value, error) {
	in, err := c.culture(1, enUS)
	if err != nil {
		return value.Value{}, err
	}
	if k := c.Args[0].Kind(); k != value.KindString && k != value.KindNull {
		return value.Value{}, c.fn.wrongType(0, stringType, k)
	}
	t, ok := dotnet.Time{}, false
	if c.has(2) && c.str(2) != "" {
		if t, ok, err = dotnet.ParseExact(c.str(0), c.str(2), in, c.now); err != nil {
			return value.Value{}, c.badFormat(c.str(2))
		}
	} else {
		t, ok = dotnet.ParseTime(c.str(0), in, c.now)
	}
	if !ok {
		return value.Value{}, c.badTime(c.str(0))
	}
	s, err := t.Format("o", invariant)
	return value.String(s), err
}

// zone finds the time zone that argument i names (E-tz).
func (c *Call) zone(i int) (*time.Location, error) {
	location, ok := zone.Lookup(c.str(i))
	if !ok {
		return nil, failure("In the template language function '%s', the value provided for the time zone id '%s' was not valid.", c.fn.Name, c.str(i))
	}
	return location, nil
}

// toZone writes a time in UTC by the clocks of a zone: UTC keeps its Z, any other
// zone prints none.
func (c *Call) toZone(t dotnet.Time, zoneAt, formatAt int) (value.Value, error) {
	location, err := c.zone(zoneAt)
	if err != nil {
		return value.Value{}, err
	}
	if location == time.UTC {
		t.Kind = dotnet.UTC
		return c.written(t, formatAt, enUS)
	}
	_, offset := t.Clock().In(location).Zone()
	t.Kind = dotnet.Unspecified
	if t, err = t.Add(int64(offset) * dotnet.TicksPerSecond); err != nil {
		return value.Value{}, c.outOfRange()
	}
	return c.written(t, formatAt, enUS)
}

// fromZone turns what the clocks of a zone show into UTC. An hour that comes twice
// is read as standard time, one that is skipped is an error.
func (c *Call) fromZone(t dotnet.Time, location *time.Location) (dotnet.Time, error) {
	wall := t.Clock()
	best, found := 0, false
	for _, around := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(around).In(location).Zone()
		if _, there := wall.Add(-time.Duration(offset) * time.Second).In(location).Zone(); there == offset && (!found || offset < best) {
			best, found = offset, true
		}
	}
	if !found {
		return t, failure("In function '%s', the value provided for date time string '%s' was not valid. The clocks of the time zone skip this time.", c.fn.Name, c.str(0))
	}
	t, err := t.Add(-int64(best) * dotnet.TicksPerSecond)
	if err != nil {
		return t, c.outOfRange()
	}
	t.Kind = dotnet.UTC
	return t, nil
}

func convertToUtc(c *Call, t dotnet.Time) (value.Value, error) {
	location, err := c.zone(1)
	if err != nil {
		return value.Value{}, err
	}
	if t.Kind != dotnet.Unspecified && location != time.UTC {
		return value.Value{}, c.fail("expects its second parameter to be a time zone matching the time zone indicated by the timestamp. The provided value '%s' does not match.", c.str(1))
	}
	if t, err = c.fromZone(t, location); err != nil {
		return value.Value{}, err
	}
	return c.written(t, 2, enUS)
}

// convertTimeZone: a time that says Z or an offset is one already, wherever it is
// said to be from.
func convertTimeZone(c *Call, t dotnet.Time) (value.Value, error) {
	location, err := c.zone(1)
	if err != nil {
		return value.Value{}, err
	}
	if t.Kind == dotnet.Unspecified {
		if t, err = c.fromZone(t, location); err != nil {
			return value.Value{}, err
		}
	}
	return c.toZone(t, 2, 3)
}

func formatTimeSpan(c *Call) (value.Value, error) {
	in, err := c.culture(2, enUS)
	if err != nil {
		return value.Value{}, err
	}
	ticks, ok := dotnet.ParseSpan(c.str(0))
	if !ok {
		return value.Value{}, failure("In function '%s', the value provided for the time span '%s' was not valid.", c.fn.Name, c.str(0))
	}
	s, err := dotnet.FormatSpan(ticks, c.str(1), in)
	if err != nil {
		return value.Value{}, c.badFormat(c.str(1))
	}
	return value.String(s), nil
}
