package scopedsearch

import (
	"testing"
	"time"
)

func TestReadDate(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 2*60*60)
	now := time.Date(2024, 3, 31, 11, 21, 3, 500, zone)
	for text, want := range map[string]struct {
		at   string // in RFC 3339
		unit span
	}{
		"today":                      {"2024-03-31T00:00:00+02:00", day},
		"Yesterday":                  {"2024-03-30T00:00:00+02:00", day},
		"since tomorrow, I think":    {"2024-04-01T00:00:00+02:00", day},
		"yesterday and today":        {"2024-03-31T00:00:00+02:00", day},
		"5 minutes ago":              {"2024-03-31T11:16:03.0000005+02:00", minute},
		"1 minute from now":          {"2024-03-31T11:22:03.0000005+02:00", minute},
		"36 hours ago":               {"2024-03-29T23:21:03.0000005+02:00", minute},
		" 1  DAY \t Ago ":            {"2024-03-30T00:00:00+02:00", day},
		"2 weeks from  now":          {"2024-04-14T00:00:00+02:00", day},
		"1 month ago":                {"2024-02-29T00:00:00+02:00", day}, // there is no 31st
		"13 months from now":         {"2025-04-30T00:00:00+02:00", day},
		"1 year ago":                 {"2023-03-31T00:00:00+02:00", day},
		"0 days ago":                 {"2024-03-31T00:00:00+02:00", day},
		"9999999999999 years ago":    {"0001-01-02T00:00:00+02:00", day},
		"9999999999999 days ago":     {"0001-01-02T00:00:00+02:00", day},
		"99999999999 weeks from now": {"9690-05-21T00:00:00+02:00", day},
		"99999 years from now":       {"9524-03-31T00:00:00+02:00", day},
		"99999999999 minutes ago":    {"0001-01-02T00:00:00+02:00", minute},

		"2024-10-24":                     {"2024-10-24T00:00:00+02:00", day},
		"2024/10/4":                      {"2024-10-04T00:00:00+02:00", day},
		"20241024":                       {"2024-10-24T00:00:00+02:00", day},
		"24.10.2024":                     {"2024-10-24T00:00:00+02:00", day},
		"24 Oct 2024":                    {"2024-10-24T00:00:00+02:00", day},
		"24th october, 2024":             {"2024-10-24T00:00:00+02:00", day},
		"Oct 24, 2024":                   {"2024-10-24T00:00:00+02:00", day},
		"Jan 23, 2004":                   {"2004-01-23T00:00:00+02:00", day},
		"Thu, 24 Oct 2024":               {"2024-10-24T00:00:00+02:00", day},
		"2024-10":                        {"2024-10-01T00:00:00+02:00", month},
		"October 2024":                   {"2024-10-01T00:00:00+02:00", month},
		"2024":                           {"2024-01-01T00:00:00+02:00", year},
		"2024-10-24 9":                   {"2024-10-24T09:00:00+02:00", hour},
		"2024-10-24 09:21":               {"2024-10-24T09:21:00+02:00", minute},
		"2024-10-24T09:21:03":            {"2024-10-24T09:21:03+02:00", second},
		"2024-10-24 09:21:03 UTC":        {"2024-10-24T09:21:03Z", second},
		"2024-10-24T09:21:03.977Z":       {"2024-10-24T09:21:03.977Z", second},
		"2024-10-24 11:21:03 -0530":      {"2024-10-24T11:21:03-05:30", second},
		"2024-10-24 11:21 +01:00":        {"2024-10-24T11:21:00+01:00", minute},
		"Oct 24, 2024 3:05pm":            {"2024-10-24T15:05:00+02:00", minute},
		"24 Oct 2024 3 pm":               {"2024-10-24T15:00:00+02:00", hour},
		"Thu, 24 Oct 2024 09:21:03 GMT":  {"2024-10-24T09:21:03Z", second},
		"09:21":                          {"2024-03-31T09:21:00+02:00", minute},
		"9:21:03":                        {"2024-03-31T09:21:03+02:00", second},
		"23:59 UTC":                      {"2024-03-31T23:59:00Z", minute},
		"3pm":                            {"2024-03-31T15:00:00+02:00", hour},
		"0000-01-01":                     {"0001-01-02T00:00:00+02:00", day},
		"9999-12-31":                     {"9990-01-01T00:00:00+02:00", day},
		"2024-02-29":                     {"2024-02-29T00:00:00+02:00", day},
		"2024-10-24 09:21:03.1234567899": {"2024-10-24T09:21:03.123456789+02:00", second},

		"": {}, "blue": {}, "2023-02-29": {}, "2024-13-01": {}, "2024-10-24 25:00": {}, "todays": {}, "yester day": {},
		"1 fortnight ago": {}, "-1 days ago": {}, "days ago": {}, "1 day": {}, "T": {}, "::": {}, "12": {}, "2024-10-24 x": {},
		"x 2024-10-24": {}, "2024-10 09:21": {}, "99:99": {}, "2024-10-24 09:21 +99:99x": {}, "24": {},
	} {
		got, unit := readDate(text, now)
		if want.at == "" {
			if !got.IsZero() {
				t.Errorf("readDate(%q) = %v, want none", text, got)
			}
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, want.at)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Equal(at) || unit != want.unit {
			t.Errorf("readDate(%q) = %v, unit %d; want %v, unit %d", text, got, unit, at, want.unit)
		}
	}
}

func TestSpansEnd(t *testing.T) {
	t.Parallel()
	from := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	for unit, want := range map[span]string{
		second: "2024-02-01T00:00:01Z", minute: "2024-02-01T00:01:00Z", hour: "2024-02-01T01:00:00Z",
		day: "2024-02-02T00:00:00Z", month: "2024-03-01T00:00:00Z", year: "2025-02-01T00:00:00Z",
	} {
		if got := unit.after(from).Format(time.RFC3339); got != want {
			t.Errorf("unit %d from %v ends at %s, want %s", unit, from, got, want)
		}
	}
}
