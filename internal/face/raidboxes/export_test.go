package raidboxes

// Status is the status of an error, for the check that all kinds have one.
func Status(err error) int {
	status, _ := statusOf(err)
	return status
}
