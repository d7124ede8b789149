package store

func (t *tx) Setting(name string) (string, error) {
	all, err := t.settings("WHERE name = ?", name)
	if err != nil {
		return "", err
	}
	value, ok := all[name]
	if !ok {
		return "", errNotFound
	}
	return value, nil
}

func (t *tx) Settings(prefix string) (map[string]string, error) {
	return t.settings("WHERE name >= ? AND substr(name, 1, length(?)) = ?", prefix, prefix, prefix)
}

func (t *tx) settings(where string, args ...any) (map[string]string, error) {
	all := map[string]string{}
	err := t.query(func(r answer) error {
		var name, value string
		err := r.Scan(&name, &value)
		all[name] = value
		return err
	}, "SELECT name, value FROM settings "+where, args...)
	return all, err
}

func (t *tx) PutSetting(name, value string) error {
	_, err := t.exec("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
	return err
}

func (t *tx) DeleteSetting(name string) error {
	_, err := t.exec("DELETE FROM settings WHERE name = ?", name)
	return err
}
