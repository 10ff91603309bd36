package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources are files in the shape of BlueZ's.
var sources = map[string]string{
	utilSource: `
static const struct { uint16_t uuid; const char *str; } uuid16_table[] = {
	{ 0x0001, "Protocol"		},
	/* 0x0002 to 0x17ff undefined */
	{ 0x1801, "Second" },
	{ 0x1800, "First "
		"of \"two\" lines" },
	{ 0x1801, "Second again" },
	{ 0x2902, " spaced   out "	},
	{ 0x2a00, "C'est d\303\251j\303\240 vu" },
	{ }
};
} uuid128_table[] = {
	{ "6e400001-b5a3-f393-e0a9-e50e24dcca9e",
		"Of a vendor"	},
	{ }
};
} appearance_table[] = {
	{   64, true,  "Phone"	},
	{  193, false, "Sports Watch"	},
	{ 1216, true,  "Undefined"	},
	{ }
};
`,
	companySource: `
const char *bt_compidtostr(int compid)
{
	switch (compid) {
	case 0:
		return "Null";
	case 65535:
		return "internal use";
	default:
		return "not assigned";
	}
}
const char *other(int n)
{
	case 7:
		return "no company";
}
`,
	adSource: "#define BT_AD_MAX_DATA_LEN\t\t31\n#define BT_AD_FLAGS\t\t\t0x01\n#define BT_AD_URI\t\t\t0x24\n#define BT_AD_FLAG_LIMITED\t\t0x01 /* of the flags */\n",
}

func TestTablesAreReadAndWritten(t *testing.T) {
	tables, err := tablesOf(sources)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := write(dir, "5.82-1.1", tables); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"services.go":        "const services = `1800 First of \"two\" lines\n1801 Second\n`\n",
		"characteristics.go": "const characteristics = `2a00 C'est déjà vu\n`\n",
		"descriptors.go":     "const descriptors = `2902 spaced out\n`\n",
		"vendors.go":         "const vendors = `6e400001b5a3f393e0a9e50e24dcca9e Of a vendor\n`\n",
		"appearances.go":     "const appearances = `0040 Phone\n00c1 Sports Watch\n`\n",
		"companies.go":       "const companies = `0000 Null\nffff internal use\n`\n",
		"adtypes.go":         "const adTypes = `01 Flags\n24 URI\n`\n",
		"version.go":         "const Version = \"5.82-1.1\"\n",
	} {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
		} else if !strings.HasSuffix(string(content), want) || !strings.Contains(string(content), "5.82-1.1; DO NOT EDIT.") {
			t.Errorf("%s:\n%s\nwant the end\n%s", file, content, want)
		}
	}
}

func TestSourcesOfAnotherShapeAreRefused(t *testing.T) {
	for what, change := range map[string][3]string{
		"no table of UUIDs":           {utilSource, "uuid16_table", "table"},
		"a table that does not end":   {companySource, "\n}", ""},
		"a table without entries":     {utilSource, "true,  ", "maybe, "},
		"an unknown type of data":     {adSource, "BT_AD_URI", "BT_AD_NEW"},
		"a name that is no line":      {utilSource, "Second", `Two\nlines` + "`"},
		"numbers of different length": {adSource, "#define BT_AD_FLAGS\t\t\t0x01\n", ""},
	} {
		changed := maps.Clone(sources)
		changed[change[0]] = strings.ReplaceAll(changed[change[0]], change[1], change[2])
		if what == "a table without entries" {
			changed[utilSource] = strings.ReplaceAll(changed[utilSource], "false,", "maybe,")
		}
		tables, err := tablesOf(changed)
		if what == "numbers of different length" {
			tables["adTypes"] = slices.Insert(tables["adTypes"], 0, entry{"001", "long"})
		}
		if err == nil {
			err = write(t.TempDir(), "", tables)
		}
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestArchiveWithoutTheFilesIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "archive.tar.gz")
	if err := os.WriteFile(file, []byte("no archive"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(file, utilSource); err == nil {
		t.Error("no error")
	}
}
