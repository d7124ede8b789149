package core

// CleanText is cleanText, for its fuzz target.
func CleanText(text string) string { return *cleanText(&text) }

// ApplicationActor is the actor that authenticating as an application makes.
func ApplicationActor(name string, g Grant, o Origin) Actor {
	return Actor{kind: ActorApplication, name: name, grant: &g, origin: o}
}
