package apply

import (
	"errors"

	"keyrack/internal/core"
	"keyrack/internal/yamlfile"
)

// File is an apply file that was read.
type File struct {
	source  *yamlfile.File
	desired core.Desired
}

// Parse reads an apply file. Its name is for messages and tells where the
// paths in it begin. The error is a [*yamlfile.Error] of kind [core.Invalid]
// that holds all problems, each with its line.
func Parse(name string, data []byte) (*File, error) {
	var content document
	source := yamlfile.Decode(name, data, &content)
	content.checkNames(source)
	desired := content.toCore(source)
	if problems := source.Problems(); len(problems) > 0 {
		return nil, yamlfile.NewError(problems, core.Errorf(core.Invalid, "invalid apply file"))
	}
	source.LetGo()
	return &File{source: source, desired: desired}, nil
}

// Desired is what the file asks for.
func (f *File) Desired() core.Desired { return f.desired }

// Warnings are what is not wrong with the file, but should be known.
func (f *File) Warnings() []yamlfile.Problem { return f.source.Warnings() }

// Explain leads an error of core.Service.Apply back to the lines of the file.
// The result wraps err, so its kind stays; an error that names no place in the
// file is returned as it is.
func (f *File) Explain(err error) error {
	e, ok := errors.AsType[*core.Error](err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	problems := make([]yamlfile.Problem, len(e.Fields))
	for i, field := range e.Fields {
		problems[i] = f.source.At(field.Path, field.Msg)
	}
	return yamlfile.NewError(problems, err)
}
