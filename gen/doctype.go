package gen

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

var (
	// entityDecl matches the declaration of an entity inside a DOCTYPE.
	entityDecl = regexp.MustCompile(`<!ENTITY\s+([A-Za-z_][\w.-]*)\s+(?:"([^"]*)"|'([^']*)')\s*>`)
	// entityRef matches a reference to one.
	entityRef = regexp.MustCompile(`&([A-Za-z_][\w.-]*);`)
	// externalDTD matches a DOCTYPE that refers to a file, as most do.
	externalDTD = regexp.MustCompile(`^DOCTYPE\s+[\w:.-]+\s+(?:PUBLIC|SYSTEM)\s`)
)

// Limits on entities, which bound what a file grows to. Real ones are far below them.
const (
	maxEntity     = 1000  // bytes of its text
	maxEntityRefs = 10000 // in a file
)

// doctype takes over the entities that a DOCTYPE declares. Their text is not looked at again: entities in entities stay as they
// are. Others are errors, unless the DOCTYPE refers to a file that may declare them: that is not read, and references to them stay
// as they are.
func (p *parser) doctype(directive string) error {
	entities := make(map[string]string)
	refs := entityRef.FindAllSubmatch(p.data, maxEntityRefs+1)
	if len(refs) > maxEntityRefs {
		return fmt.Errorf("more than %d references to entities, expected fewer", maxEntityRefs)
	}
	if externalDTD.MatchString(directive) {
		for _, ref := range refs {
			entities[string(ref[1])] = string(ref[0])
		}
	}
	for _, decl := range entityDecl.FindAllStringSubmatch(directive, -1) {
		text := decl[2] + decl[3]
		if len(text) > maxEntity {
			return fmt.Errorf("entity %s of %d bytes, expected at most %d", decl[1], len(text), maxEntity)
		}
		entities[decl[1]] = text
	}
	p.dec.Entity = entities
	return nil
}

// charset lets encodings pass of which UTF-8 is a superset.
func charset(name string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "ascii", "us-ascii", "utf8":
		return input, nil
	}
	return nil, fmt.Errorf("encoding %q, expected UTF-8", name)
}
