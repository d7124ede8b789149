package server

import "keyrack/internal/face/senhasegura"

// faceSettings check the sections of `apply`'s settings that faces read.
var faceSettings = map[string]func(text string) error{
	"senhasegura": senhasegura.CheckSettings,
}
