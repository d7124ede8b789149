package scopedsearch

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// span is the smallest unit of time that a date was written with.
type span uint8

const (
	second span = iota
	minute
	hour
	day
	month
	year
)

// whole tells whether a comparison with the date means all of it: "> 2024-10-24"
// begins when the day is over.
func (s span) whole() bool { return s >= day }

// after is the first moment after the unit that begins at t.
func (s span) after(t time.Time) time.Time {
	switch s {
	case second:
		return t.Add(time.Second)
	case minute:
		return t.Add(time.Minute)
	case hour:
		return t.Add(time.Hour)
	case day:
		return t.AddDate(0, 0, 1)
	case month:
		return t.AddDate(0, 1, 0)
	default: // a year
		return t.AddDate(1, 0, 0)
	}
}

// readDate gives the moment at which a written date begins and its unit. The
// time is zero for a text that is no date.
func readDate(text string, now time.Time) (time.Time, span) {
	if days, ok := named(text); ok {
		return midnight(now.AddDate(0, 0, days)), day
	}
	if m := relative.FindStringSubmatch(text); m != nil {
		return away(m[1], strings.ToLower(m[2]), strings.EqualFold(m[3], "ago"), now)
	}
	return written(text, now)
}

var dayNames = map[string]int{"yesterday": -1, "today": 0, "tomorrow": 1}

var dayName = regexp.MustCompile(`(?i)\b(?:today|yesterday|tomorrow)\b`)

// named gives the distance from today of the day that a text names anywhere.
// Of two, today is taken before yesterday before tomorrow.
func named(text string) (days int, ok bool) {
	found := dayName.FindAllString(text, -1)
	for _, want := range []string{"today", "yesterday", "tomorrow"} {
		for _, name := range found {
			if strings.EqualFold(name, want) {
				return dayNames[want], true
			}
		}
	}
	return 0, false
}

var relative = regexp.MustCompile(`(?i)^\s*(\d+)\s+(minute|hour|day|week|month|year)s?\s+(ago|from\s+now)\s*$`)

// farthest is how many units away a date may be: farther ones are as far, since
// databases and time.Time end before them.
var farthest = map[string]int{
	"minute": 4_000_000_000, "hour": 70_000_000, "day": 3_000_000, "week": 400_000, "month": 90_000, "year": 7500,
}

// away gives a moment some units before or after now. Minutes and hours are
// exact to the minute; longer units begin at midnight.
func away(count, unit string, ago bool, now time.Time) (time.Time, span) {
	n, err := strconv.Atoi(count)
	if err != nil || n > farthest[unit] {
		n = farthest[unit]
	}
	if ago {
		n = -n
	}
	switch unit {
	case "minute":
		return bounded(shift(now, n, 60)), minute
	case "hour":
		return bounded(shift(now, n, 3600)), minute
	case "day":
		now = now.AddDate(0, 0, n)
	case "week":
		now = now.AddDate(0, 0, 7*n)
	case "month":
		now = addMonths(now, n)
	case "year":
		now = addMonths(now, 12*n)
	}
	return bounded(midnight(now)), day
}

// shift moves a time by more than a time.Duration could.
func shift(t time.Time, n int, seconds int64) time.Time {
	return time.Unix(t.Unix()+int64(n)*seconds, int64(t.Nanosecond())).In(t.Location())
}

// addMonths goes to the same day of another month, or to its last.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, t.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// bounded keeps a time to the years that both databases know.
func bounded(t time.Time) time.Time {
	switch {
	case t.Year() < 1:
		return time.Date(1, 1, 2, 0, 0, 0, 0, t.Location())
	case t.Year() > 9990:
		return time.Date(9990, 1, 1, 0, 0, 0, 0, t.Location())
	}
	return t
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// The forms of days and of what may stand before or after them. "2" as a day
// also takes "02".
var (
	dayForms = []form{
		{"2006-1-2", day}, {"2006/1/2", day}, {"20060102", day}, {"2.1.2006", day},
		{"2 Jan 2006", day}, {"2 January 2006", day}, {"2-Jan-2006", day},
		{"Jan 2 2006", day}, {"January 2 2006", day},
		{"2006-1", month}, {"2006/1", month}, {"Jan 2006", month}, {"January 2006", month},
		{"2006", year},
	}
	clockForms = []form{
		{"15:04:05.999999999", second}, {"15:04", minute}, {"15", hour},
		{"3:04:05pm", second}, {"3:04pm", minute}, {"3pm", hour},
	}
	zoneForms = []string{"Z07:00", "-07:00", "-0700", "-07"}
)

type form struct {
	layout string
	unit   span
}

var (
	weekday  = regexp.MustCompile(`(?i)^(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?,?\s+`)
	ordinal  = regexp.MustCompile(`(?i)\b(\d{1,2})(?:st|nd|rd|th)\b`)
	clock    = regexp.MustCompile(`(?i)(?:^|[\sT])(\d{1,2}(?::\d{2}){0,2}(?:\.\d+)?\s*(?:am|pm)?)\s*(z|utc|gmt|[+-]\d{2}:?(?:\d{2})?)?$`)
	clockish = regexp.MustCompile(`(?i)[:T]|[ap]m\b|^\s*\d{4}-\d{1,2}-\d{1,2}\s+\d`)
)

// written reads a day with or without a time of day, or the time of day alone,
// which is today's.
func written(text string, now time.Time) (time.Time, span) {
	text = weekday.ReplaceAllString(strings.Trim(text, blanks), "")
	text = ordinal.ReplaceAllString(text, "$1")
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, ",", " ")), " ")
	if t, f, ok := parseAny(dayForms, text, now.Location()); ok {
		return bounded(t), f
	}
	m := clock.FindStringSubmatchIndex(text)
	if m == nil || !clockish.MatchString(text) {
		return time.Time{}, 0
	}
	zone, ok := zoneOf(text, m, now)
	if !ok {
		return time.Time{}, 0
	}
	at := strings.ToLower(strings.ReplaceAll(text[m[2]:m[3]], " ", ""))
	c, unit, ok := parseAny(clockForms, at, zone)
	d, dayUnit, dayOK := parseAny(dayForms, text[:m[0]], zone)
	if m[0] == 0 {
		d, dayUnit, dayOK = now.In(zone), day, true
	}
	if !ok || !dayOK || dayUnit != day {
		return time.Time{}, 0
	}
	h, mi, s := c.Clock()
	return bounded(time.Date(d.Year(), d.Month(), d.Day(), h, mi, s, c.Nanosecond(), zone)), unit
}

// parseAny reads text in the first form that takes it.
func parseAny(forms []form, text string, zone *time.Location) (time.Time, span, bool) {
	for _, f := range forms {
		if t, err := time.ParseInLocation(f.layout, text, zone); err == nil {
			return t, f.unit, true
		}
	}
	return time.Time{}, 0, false
}

// zoneOf gives the zone that a text ends in, now's where it names none.
func zoneOf(text string, m []int, now time.Time) (*time.Location, bool) {
	if m[4] < 0 {
		return now.Location(), true
	}
	name := strings.ToUpper(text[m[4]:m[5]])
	if name == "UTC" || name == "GMT" {
		return time.UTC, true
	}
	for _, layout := range zoneForms {
		if t, err := time.Parse(layout, name); err == nil {
			_, offset := t.Zone()
			return time.FixedZone("", offset), true
		}
	}
	return nil, false
}
