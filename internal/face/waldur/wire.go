package waldur

import (
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
func plainUUID(id uuid.UUID) string { return strings.ReplaceAll(id.String(), "-", "") }

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

// keyFields are the members of a key, in their order.
var keyFields = []string{
	"url", "uuid", "name", "public_key", "fingerprint_md5", "fingerprint_sha256", "fingerprint_sha512", "user_uuid", "is_shared", "type",
}

func keyURL(base string, k core.Key) string { return base + "/api/keys/" + plainUUID(k.UUID) + "/" }

func keyObject(base string, k core.KeyEntry) object {
	text := strings.TrimSpace(k.Text)
	word, _, _ := strings.Cut(text, " ")
	return object{
		{"url", keyURL(base, k.Key)},
		{"uuid", plainUUID(k.UUID)},
		{"name", k.Name},
		{"public_key", text},
		{"fingerprint_md5", k.Public.MD5().Bare()},
		{"fingerprint_sha256", k.Public.SHA256().String()},
		{"fingerprint_sha512", k.Public.SHA512().String()},
		{"user_uuid", plainUUID(k.OwnerUUID)},
		{"is_shared", k.Shared},
		{"type", word},
	}
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
