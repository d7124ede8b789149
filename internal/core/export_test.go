package core

// CleanText is cleanText, for its fuzz target.
func CleanText(text string) string { return *cleanText(&text) }
