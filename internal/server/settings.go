package server

import (
	"keyrack/internal/face/foreman"
	"keyrack/internal/face/raidboxes"
	"keyrack/internal/face/senhasegura"
	"keyrack/internal/face/waldur"
)

// faceSettings check the sections of `apply`'s settings that faces read.
var faceSettings = map[string]func(text string) error{
	"foreman":      foreman.CheckSettings,
	"raidboxes":    raidboxes.CheckSettings,
	"senhasegura":  senhasegura.CheckSettings,
	waldur.Section: waldur.CheckSettings,
}
