package store

// SealedColumns are the columns that are sealed anew, as "table.column".
func SealedColumns() (all []string) {
	for _, c := range sealedColumns {
		all = append(all, c.table+"."+c.column)
	}
	return all
}
