package foreman

import (
	"strconv"
	"strings"
	"time"
)

func (c *call) status() (any, error) {
	return object{{"result", "ok"}, {"status", 200}, {"version", c.Version}, {"api_version", 2}}, nil
}

// index links to every action, by its short description.
func (c *call) index() (any, error) {
	var links object
	for _, a := range c.actions {
		if len(links) == 0 || links[len(links)-1].Name != a.resource {
			links = append(links, member{a.resource, object{}})
		}
		last := &links[len(links)-1]
		last.Value = append(last.Value.(object), member{strings.TrimSuffix(a.short, "."), a.path})
	}
	return object{{"links", links}}, nil
}

// database tells whether the store answers, and in how many milliseconds.
func (c *call) database() object {
	start := time.Now()
	_, err := c.Core.FaceSettings(c.r.Context(), "foreman")
	took := strconv.FormatInt(time.Since(start).Milliseconds(), 10)
	return object{{"active", err == nil}, {"duration_ms", took}}
}

func (c *call) ping() (any, error) {
	return object{{"results", object{{"foreman", object{{"database", c.database()}}}}}}, nil
}

func (c *call) statuses() (any, error) {
	none := []any{}
	return object{{"results", object{{"foreman", object{
		{"version", c.Version}, {"api", object{{"version", "v2"}}}, {"plugins", none}, {"smart_proxies", none},
		{"compute_resources", none}, {"database", c.database()},
	}}}}}, nil
}
