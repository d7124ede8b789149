// Package client is what oapi-codegen makes of the sshverify face's OpenAPI
// description: a stranger's program, which the face's tests use to show that
// the description is one that programs can be made from. Nothing else imports it.
package client

//go:generate ../../../../scripts/go-tool github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config oapi-codegen.yaml ../testdata/openapi.json
