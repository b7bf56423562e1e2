package dotnet

// time ends the group: the numbers are hour, minute and second.
func (r *reader) time(numbers ...int) bool {
	if r.hasTime {
		return false
	}
	r.hasTime = true
	copy(r.clock[:], numbers)
	r.g = noGroup
	return true
}

// date ends the group.
func (r *reader) date(year, month, day int) bool {
	if r.hasDate {
		return false
	}
	r.hasDate = true
	r.p.year, r.p.month, r.p.day = year, month, day
	r.g = noGroup
	return validDate(year, month, day)
}

// dateOfTwo: a year and a month, or a day and a month of this year. Whether the
// number beside the name of a month is a day or a year shows in the patterns of the
// culture: it is a year if they have it on that side, and the day on the other.
func (r *reader) dateOfTwo() bool {
	g := r.g
	monthDay := orderOf(r.c.MonthDay, "Md")
	switch {
	case g.year != none && g.month != none:
		return r.date(g.year, g.month, 1)
	case g.year != none:
		return r.date(g.year, g.numbers[0], 1)
	case g.month != none:
		yearMonth := orderOf(r.c.YearMonth, "yM")
		if g.first == 'm' && monthDay == orderDM && yearMonth == orderMY || g.first == 'n' && monthDay == orderMD && yearMonth == orderYM {
			return r.date(fullYear(g.numbers[0]), g.month, 1)
		}
		year, ok := r.thisYear()
		return ok && r.date(year, g.month, g.numbers[0])
	}
	year, ok := r.thisYear()
	if monthDay == orderMD {
		return ok && r.date(year, g.numbers[0], g.numbers[1])
	}
	return ok && r.date(year, g.numbers[1], g.numbers[0])
}

func (r *reader) thisYear() (int, bool) {
	if r.now == nil {
		return 0, false
	}
	return r.now().Clock().Year(), true
}

// dateOfThree takes the numbers in the order of the short date of the culture.
func (r *reader) dateOfThree() bool {
	g, order := r.g, orderOf(r.c.ShortDate, "yMd")
	n := g.numbers
	switch {
	case g.year != none && g.month != none:
		return r.date(g.year, g.month, n[0])
	case g.year != none && g.yearLast:
		if order == orderMDY || order == orderYMD {
			return r.date(g.year, n[0], n[1])
		}
		return order[2] != 0 && r.date(g.year, n[1], n[0])
	case g.year != none:
		if order == orderYDM {
			return r.date(g.year, n[1], n[0])
		}
		return r.date(g.year, n[0], n[1])
	case g.month != none: // the year comes last, or else first; in the order of the culture if both can be
		year, day := n[1], n[0]
		if order == orderYMD {
			year, day = day, year
		}
		if !validDate(fullYear(year), g.month, day) {
			year, day = day, year
		}
		return order != orderYDM && order[2] != 0 && r.date(fullYear(year), g.month, day)
	}
	switch order {
	case orderYMD:
		return r.date(fullYear(n[0]), n[1], n[2])
	case orderMDY:
		return r.date(fullYear(n[2]), n[0], n[1])
	case orderDMY:
		return r.date(fullYear(n[2]), n[1], n[0])
	case orderYDM:
		return r.date(fullYear(n[0]), n[2], n[1])
	}
	return false
}

// assemble makes a time of all that was read.
func (r *reader) assemble() (Time, bool) {
	hour := r.clock[0]
	switch {
	case r.p.half == am && (hour < 0 || hour > 12), r.p.half == pm && hour < 0:
		return Time{}, false
	case r.p.half == am:
		hour %= 12
	case r.p.half == pm && hour < 12:
		hour += 12
	}
	ofDay, ok := timeOfDay(max(hour, 0), max(r.clock[1], 0), max(r.clock[2], 0))
	if !ok {
		return Time{}, false
	}
	return r.p.time(ofDay, r.fraction, r.now)
}
