package store

import "strings"

// ListTexts are the SQL of which the filters of each numbered list are made.
func ListTexts() map[string]string {
	return map[string]string{"keys": keyFields.text("keys"), "accounts": accountFields.text("accounts")}
}

func (known fields) text(table string) string {
	words := []string{table}
	for _, c := range known {
		words = append(words, c.name, c.folded, c.referred, c.among)
	}
	return strings.Join(words, " ")
}
