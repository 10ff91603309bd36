package gen

import "errors"

// Source is an introspection file to be read.
type Source struct {
	// Name is how the file is called in errors and in generated code.
	Name string
	// Data is its content.
	Data []byte
}

// Generate returns the files of a package made of the interfaces in sources. See [Plan] for context.
func Generate(sources, context []Source, o Options) ([]Output, error) {
	files, err := ParseAll(sources)
	if err != nil {
		return nil, err
	}
	shared, err := ParseAll(context)
	if err != nil {
		return nil, err
	}
	pkg, err := Plan(files, shared, o)
	if err != nil {
		return nil, err
	}
	return pkg.Emit()
}

// ParseAll parses several files. The error has those of all that are refused.
func ParseAll(sources []Source) ([]*File, error) {
	var files []*File
	var errs []error
	for _, source := range sources {
		file, err := Parse(source.Name, source.Data)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		files = append(files, file)
	}
	return files, errors.Join(errs...)
}
