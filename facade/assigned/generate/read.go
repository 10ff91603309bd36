package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Where the sources of BlueZ have the numbers.
const (
	utilSource    = "src/shared/util.c"   // UUIDs and appearances
	companySource = "lib/bluetooth.c"     // companies
	adSource      = "src/shared/ad.h"     // types of advertising data
	undefined     = "Undefined"           // the name of appearances that end a range of the known ones
	literal       = `"(?:[^"\\\n]|\\.)*"` // a string of C
)

// An entry is a number in hexadecimal digits and its name.
type entry struct{ number, name string }

// tablesOf returns the tables in the sources, by the names of their constants.
func tablesOf(files map[string]string) (map[string][]entry, error) {
	tables := make(map[string][]entry)
	short, err := uuids16(files[utilSource])
	if err != nil {
		return nil, err
	}
	for _, e := range short {
		if table := tableOf(e.number); table != "" {
			tables[table] = append(tables[table], e)
		}
	}
	for table, read := range map[string]func() ([]entry, error){
		"vendors":     func() ([]entry, error) { return uuids128(files[utilSource]) },
		"appearances": func() ([]entry, error) { return appearances(files[utilSource]) },
		"companies":   func() ([]entry, error) { return companies(files[companySource]) },
		"adTypes":     func() ([]entry, error) { return adTypes(files[adSource]) },
	} {
		if tables[table], err = read(); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

// tableOf returns which table a UUID of 16 bits belongs into, or "" for protocols and declarations, which no device lists.
func tableOf(number string) string {
	switch number[:2] {
	case "10", "11", "12", "13", "14", "18", "fc", "fd", "fe", "ff":
		return "services"
	case "29":
		return "descriptors"
	case "2a", "2b", "2c":
		return "characteristics"
	}
	return ""
}

func uuids16(source string) ([]entry, error) {
	return entries(source, `uuid16_table\[\] = \{`, `\n\};`, `\{\s*0x([0-9a-f]{4}),\s*(`+literal+`(?:\s*`+literal+`)*)`, nil)
}

func uuids128(source string) ([]entry, error) {
	return entries(source, `uuid128_table\[\] = \{`, `\n\};`, `\{\s*"([0-9a-f-]{36})",\s*(`+literal+`(?:\s*`+literal+`)*)`,
		func(uuid string) (string, error) { return strings.ReplaceAll(uuid, "-", ""), nil })
}

func appearances(source string) ([]entry, error) {
	all, err := entries(source, `appearance_table\[\] = \{`, `\n\};`, `\{\s*(\d+),\s*(?:true|false),\s*(`+literal+`)`, hexadecimal)
	if err != nil {
		return nil, err
	}
	var known []entry
	for _, e := range all {
		if e.name != undefined {
			known = append(known, e)
		}
	}
	return known, nil
}

func companies(source string) ([]entry, error) {
	return entries(source, `bt_compidtostr\(int compid\)\n\{`, `\n\}`, `case (\d+):\s*return\s+(`+literal+`(?:\s*`+literal+`)*)`, hexadecimal)
}

// hexadecimal turns a decimal number of 16 bits into four digits.
func hexadecimal(decimal string) (string, error) {
	n, err := strconv.ParseUint(decimal, 10, 16)
	return fmt.Sprintf("%04x", n), err
}

// entries returns what a pattern of number and name finds between the first match of begin and the next one of end. number
// converts numbers, unless it is nil.
func entries(source, begin, end, pattern string, number func(string) (string, error)) ([]entry, error) {
	at := regexp.MustCompile(begin).FindStringIndex(source)
	if at == nil {
		return nil, fmt.Errorf("nothing matches %s", begin)
	}
	source = source[at[1]:]
	if at = regexp.MustCompile(end).FindStringIndex(source); at == nil {
		return nil, fmt.Errorf("what matches %s does not end", begin)
	}
	var found []entry
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(source[:at[0]], -1) {
		e := entry{number: match[1]}
		if number != nil {
			var err error
			if e.number, err = number(match[1]); err != nil {
				return nil, err
			}
		}
		for _, part := range regexp.MustCompile(literal).FindAllString(match[2], -1) {
			text, err := strconv.Unquote(part)
			if err != nil {
				return nil, fmt.Errorf("name %s of %s: %w", part, e.number, err)
			}
			e.name += text
		}
		e.name = strings.Join(strings.Fields(e.name), " ")
		found = append(found, e)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("nothing after %s matches %s", begin, pattern)
	}
	return found, nil
}
