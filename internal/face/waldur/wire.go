package waldur

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"keyrack/internal/core"
	"keyrack/internal/face"
)

// object is a JSON object with its members in the order that upstream's
// serializers declare their fields in.
type object = face.Object

// only keeps the named members. Names that are unknown count for nothing; with
// no other, all members stay.
func only(o object, names []string) object {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	var kept object
	for _, m := range o {
		if wanted[m.Name] {
			kept = append(kept, m)
		}
	}
	if len(kept) == 0 {
		return o
	}
	return kept
}

// plainUUID writes 32 hex digits.
func plainUUID(id uuid.UUID) string { return hex.EncodeToString(id[:]) }

func isZero(id uuid.UUID) bool { return id == uuid.UUID{} }

// parseUUID reads a UUID with or without dashes, in any case.
func parseUUID(text string) (uuid.UUID, bool) {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "urn:", ""), "uuid:", "")
	digits := strings.ReplaceAll(strings.Trim(text, "{}"), "-", "")
	if len(digits) != 32 {
		return uuid.UUID{}, false
	}
	id, err := uuid.Parse(digits)
	return id, err == nil
}

func keyURL(base string, k core.Key) string { return base + "/api/keys/" + plainUUID(k.UUID) + "/" }

// keyForm is how keys are shown in a reply.
type keyForm struct {
	url     []byte // what the URLs of keys begin with, in JSON without the closing quote
	members []keyMember
}

// keyMember is one member of a key. Lists of keys are long, so that each is
// written to the reply at once.
type keyMember struct {
	name  string
	write func(b []byte, f keyForm, k *core.KeyEntry) []byte
}

// keyMembers are those of a key, in their order. Hex digits and base64 are
// the same in JSON.
var keyMembers = []keyMember{
	{"url", func(b []byte, f keyForm, k *core.KeyEntry) []byte {
		return append(hex.AppendEncode(append(b, f.url...), k.UUID[:]), `/"`...)
	}},
	{"uuid", func(b []byte, _ keyForm, k *core.KeyEntry) []byte { return appendUUID(b, k.UUID) }},
	{"name", func(b []byte, _ keyForm, k *core.KeyEntry) []byte { return face.AppendText(b, k.Name) }},
	{"public_key", func(b []byte, _ keyForm, k *core.KeyEntry) []byte {
		return face.AppendText(b, strings.TrimSpace(k.Text))
	}},
	{"fingerprint_md5", func(b []byte, _ keyForm, k *core.KeyEntry) []byte {
		return append(k.Public.MD5().AppendBare(append(b, '"')), '"')
	}},
	{"fingerprint_sha256", func(b []byte, _ keyForm, k *core.KeyEntry) []byte {
		return append(k.Public.SHA256().Append(append(b, '"')), '"')
	}},
	{"fingerprint_sha512", func(b []byte, _ keyForm, k *core.KeyEntry) []byte {
		return append(k.Public.SHA512().Append(append(b, '"')), '"')
	}},
	{"user_uuid", func(b []byte, _ keyForm, k *core.KeyEntry) []byte { return appendUUID(b, k.OwnerUUID) }},
	{"is_shared", func(b []byte, _ keyForm, k *core.KeyEntry) []byte { return strconv.AppendBool(b, k.Shared) }},
	{"type", func(b []byte, _ keyForm, k *core.KeyEntry) []byte {
		word, _, _ := strings.Cut(strings.TrimSpace(k.Text), " ")
		return face.AppendText(b, word)
	}},
}

func appendUUID(b []byte, id uuid.UUID) []byte {
	return append(hex.AppendEncode(append(b, '"'), id[:]), '"')
}

// formOfKeys is the form with the named members, see [only].
func formOfKeys(base string, names []string) keyForm {
	var kept []keyMember
	for _, m := range keyMembers {
		if slices.Contains(names, m.name) {
			kept = append(kept, m)
		}
	}
	if len(kept) == 0 {
		kept = keyMembers
	}
	url := face.AppendText(nil, base+"/api/keys/")
	return keyForm{url: url[:len(url)-1], members: kept}
}

// one shows a key.
func (f keyForm) one(k core.KeyEntry) face.Written {
	return func(b []byte) []byte { return f.append(b, &k) }
}

// list shows keys.
func (f keyForm) list(keys []core.KeyEntry) face.Written {
	return func(b []byte) []byte {
		b = append(b, '[')
		for i := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			before := len(b)
			b = f.append(b, &keys[i])
			if i == 0 { // the others will take about as much
				b = slices.Grow(b, min((len(b)-before+64)*len(keys), 1<<18))
			}
		}
		return append(b, ']')
	}
}

func (f keyForm) append(b []byte, k *core.KeyEntry) []byte {
	separator := byte('{')
	for _, m := range f.members {
		b = append(append(append(b, separator, '"'), m.name...), `":`...)
		b = m.write(b, f, k)
		separator = ','
	}
	return append(b, '}')
}

func versionObject(v core.Version) object {
	var by any
	if v.By.ID != 0 {
		by = object{{"uuid", plainUUID(v.By.UUID)}, {"username", v.By.Login}, {"full_name", v.By.Name}}
	}
	k := v.Key
	return object{
		{"id", v.ID},
		{"revision_date", isoTime(v.At, "+00:00")},
		{"revision_user", by},
		{"revision_comment", v.Comment},
		{"serialized_data", object{
			{"created", milliTime(k.CreatedAt)},
			{"modified", milliTime(k.UpdatedAt)},
			{"uuid", plainUUID(k.UUID)},
			{"user", k.Owner},
			{"name", k.Name},
			{"fingerprint_md5", k.Public.MD5().Bare()},
			{"fingerprint_sha256", k.Public.SHA256().String()},
			{"fingerprint_sha512", k.Public.SHA512().String()},
			{"public_key", strings.TrimSpace(k.Text)},
			{"is_shared", k.Shared},
		}},
	}
}

// isoTime writes a time as Python's isoformat: microseconds, where there are any.
func isoTime(t time.Time, zone string) string {
	if t.Nanosecond() == 0 {
		return t.UTC().Format("2006-01-02T15:04:05") + zone
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000") + zone
}

// milliTime writes a time as Django's encoder: cut to milliseconds.
func milliTime(t time.Time) string {
	if t.Nanosecond() == 0 {
		return t.UTC().Format("2006-01-02T15:04:05Z")
	}
	return t.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z")
}
