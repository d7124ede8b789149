package waldur

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"keyrack/internal/core"
	"keyrack/internal/sshkey"
)

// query are the parameters of a request, each with its values in order.
type query url.Values

func queryOf(r *http.Request) query { return query(parseQuery(r.URL.RawQuery)) }

// parseQuery reads a form as Django does: what is no escape stays as it is, and
// bytes that are no UTF-8 become U+FFFD.
func parseQuery(raw string) map[string][]string {
	values := map[string][]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name = unescape(name)
		values[name] = append(values[name], unescape(value))
	}
	return values
}

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return strings.ToValidUTF8(plain, "\uFFFD")
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '+':
			b.WriteByte(' ')
		case text[i] == '%' && isHex(text[i+1:min(i+3, len(text))]):
			c, _ := strconv.ParseUint(text[i+1:i+3], 16, 8) // it is hex
			b.WriteByte(byte(c))
			i += 2
		default:
			b.WriteByte(text[i])
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

func isHex(text string) bool {
	_, err := strconv.ParseUint(text, 16, 8)
	return len(text) == 2 && err == nil && text[0] != '+' && text[0] != '-'
}

// last gives a parameter without blanks around it. Of one that is repeated the
// last counts.
func (q query) last(name string) string {
	all := q[name]
	if len(all) == 0 {
		return ""
	}
	return strings.TrimSpace(all[len(all)-1])
}

// filters gathers conditions from parameters, and what is wrong with them.
type filters struct {
	query
	where core.And
	wrong faults
}

func (f *filters) add(attribute core.Attribute, op core.Op, value any) {
	f.where = append(f.where, core.Compare{Attribute: attribute, Op: op, Value: value})
}

func (f *filters) nothing() { f.where = append(f.where, core.Or{}) }

// filter gives the condition, nil for none.
func (f *filters) filter() (core.Filter, error) {
	if err := f.wrong.err(); err != nil || len(f.where) == 0 {
		return nil, err
	}
	return f.where, nil
}

// text gives a parameter that is a text; empty where there is none or a wrong one.
func (f *filters) text(name string) string {
	value := f.last(name)
	if strings.Contains(value, "\x00") {
		f.wrong.add(name, noNull)
		return ""
	}
	return value
}

func (f *filters) textIs(name string, attribute core.Attribute, op core.Op) {
	if value := f.text(name); value != "" {
		f.add(attribute, op, value)
	}
}

func (f *filters) uuidIs(name string, attribute core.Attribute) {
	value := f.last(name)
	if value == "" {
		return
	}
	id, ok := parseUUID(value)
	if !ok {
		f.wrong.add(name, "Enter a valid UUID.")
		return
	}
	f.add(attribute, core.Equal, id)
}

func (f *filters) time(name string, attribute core.Attribute, op core.Op) {
	value := f.last(name)
	if value == "" {
		return
	}
	at, ok := parseTime(value)
	if !ok {
		f.wrong.add(name, "Enter a valid date/time.")
		return
	}
	f.add(attribute, op, at)
}

// flag reads a bool. Anything but upstream's spellings is no filter.
func (f *filters) flag(name string) (value, given bool) {
	switch f.last(name) {
	case "true", "True", "2":
		return true, true
	case "false", "False", "3":
		return false, true
	}
	return false, false
}

func (f *filters) flagIs(name string, attribute core.Attribute) {
	if value, given := f.flag(name); given {
		f.add(attribute, core.Equal, value)
	}
}

// fingerprint compares with a fingerprint as it is written in replies.
func (f *filters) fingerprint(name string, hash sshkey.Hash) {
	value := f.text(name)
	if value == "" {
		return
	}
	sum, err := sshkey.ParseFingerprint(value)
	written := strings.TrimPrefix(sum.String(), "MD5:")
	if err != nil || sum.Hash != hash || written != value {
		f.nothing()
		return
	}
	f.where = append(f.where, core.HasFingerprint(sum))
}

// keyFilters reads what keys are filtered by, everywhere that a key is looked
// up, and ordered by.
func keyFilters(r *http.Request, q query) (core.Filter, []core.Order, error) {
	f := filters{query: q}
	f.textIs("name", core.KeyNameAttr, core.Contains)
	f.textIs("name_exact", core.KeyNameAttr, core.Equal)
	f.fingerprint("fingerprint_md5", sshkey.HashMD5)
	f.fingerprint("fingerprint_sha256", sshkey.HashSHA256)
	f.fingerprint("fingerprint_sha512", sshkey.HashSHA512)
	f.flagIs("is_shared", core.KeySharedAttr)
	f.uuidIs("uuid", core.KeyUUIDAttr)
	f.time("created", core.KeyCreatedAttr, core.GreaterOrEqual)
	f.time("modified", core.KeyUpdatedAttr, core.GreaterOrEqual)
	if !strings.Contains(r.URL.Path, "/history/") { // there it is a time of versions
		f.time("created_before", core.KeyCreatedAttr, core.LessOrEqual)
	}
	f.time("modified_before", core.KeyUpdatedAttr, core.LessOrEqual)
	f.uuidIs("user_uuid", core.KeyOwnerUUIDAttr)
	order := f.order(core.KeyNameAttr)
	where, err := f.filter()
	return where, order, err
}

// order reads by what a list of keys is ordered.
func (f *filters) order(name core.Attribute) []core.Order {
	order := []core.Order{{Attribute: name}}
	first := true
	for choice := range strings.SplitSeq(f.last("o"), ",") {
		switch choice = strings.TrimSpace(choice); choice {
		case "":
			continue
		case "name", "-name":
		default:
			f.wrong.add("o", "Select a valid choice. "+choice+" is not one of the available choices.")
			return order
		}
		if first {
			order[0].Descending, first = choice == "-name", false
		}
	}
	return order
}

const (
	defaultPageSize = 10
	maxPageSize     = 300
)

// page reads which page of a list is wanted; size is always right. number is 0
// for the last page, and -1 for what is none.
func (q query) page() (number, size int) {
	size, err := strconv.Atoi(q.last("page_size"))
	if err != nil || size <= 0 {
		size = defaultPageSize
		if isHuge(q.last("page_size")) {
			size = maxPageSize
		}
	}
	size = min(size, maxPageSize)
	switch text := q.last("page"); text {
	case "":
		return 1, size
	case "last":
		return 0, size
	default:
		number, err = strconv.Atoi(text)
		if err != nil || number <= 0 || number > 1<<40 {
			return -1, size
		}
		return number, size
	}
}

// isHuge tells whether a text is a number that is only too large.
func isHuge(text string) bool {
	return len(text) > 18 && strings.Trim(text, "0123456789") == ""
}

// versionTimes reads the bounds of a history.
func (q query) versionTimes() (after, before time.Time, err error) {
	if after, err = q.timestamp("created_after"); err != nil {
		return after, before, err
	}
	before, err = q.timestamp("created_before")
	return after, before, err
}

// timestamp reads a time of versions; zero where there is none. Its error is a
// text and no list.
func (q query) timestamp(name string) (time.Time, error) {
	value := q.last(name)
	if value == "" {
		return time.Time{}, nil
	}
	at, ok := parseTimestamp(value)
	if !ok {
		return time.Time{}, &problem{http.StatusBadRequest, object{{name, "Invalid timestamp format."}}}
	}
	return at, nil
}
