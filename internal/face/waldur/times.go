package waldur

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The forms of a time: a date, with T or a blank and a time of day, and the
// zone, which is UTC where none is said. stamps have no separators.
var (
	dateTimes = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,6})\d{0,6})?)?\s*(Z|z|[+-]\d\d:?\d\d)?)?$`)
	stamps    = regexp.MustCompile(`^(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(?:(\d\d)(?:\.(\d{1,6})\d{0,6})?)?(Z|z|[+-]\d\d:?\d\d)?)?$`)
)

// parseTime reads a time as the filters of the lists take it.
func parseTime(text string) (time.Time, bool) { return timeOf(dateTimes.FindStringSubmatch(text)) }

// parseTimestamp reads a time as the history takes it: also without separators,
// and with a blank where the plus of a zone was not encoded.
func parseTimestamp(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if at := strings.LastIndexByte(text, ' '); at > len("2006-01-02") {
		text = text[:at] + "+" + text[at+1:]
	}
	if t, ok := parseTime(text); ok {
		return t, true
	}
	return timeOf(stamps.FindStringSubmatch(text))
}

// timeOf makes a time of what a form found, if there is such a time.
func timeOf(found []string) (time.Time, bool) {
	if found == nil {
		return time.Time{}, false
	}
	var n [7]int
	for i, digits := range found[1:7] {
		n[i], _ = strconv.Atoi(digits) // they are digits, or none: 0
	}
	n[6], _ = strconv.Atoi((found[7] + "000000")[:6])
	offset, ok := zoneOf(found[8])
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*1000, time.UTC)
	same := t.Year() == n[0] && int(t.Month()) == n[1] && t.Day() == n[2] && t.Hour() == n[3] && t.Minute() == n[4] && t.Second() == n[5]
	return t.Add(-offset), ok && same && n[0] > 0
}

func zoneOf(text string) (time.Duration, bool) {
	if text == "" || strings.EqualFold(text, "Z") {
		return 0, true
	}
	digits := strings.ReplaceAll(text[1:], ":", "")
	hours, _ := strconv.Atoi(digits[:2])
	minutes, _ := strconv.Atoi(digits[2:])
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if text[0] == '-' {
		offset = -offset
	}
	return offset, hours < 24 && minutes < 60
}
