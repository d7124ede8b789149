package server

import (
	"keyrack/internal/face/senhasegura"
	"keyrack/internal/face/waldur"
)

// faceSettings check the sections of `apply`'s settings that faces read.
var faceSettings = map[string]func(text string) error{
	"senhasegura":  senhasegura.CheckSettings,
	waldur.Section: waldur.CheckSettings,
}
