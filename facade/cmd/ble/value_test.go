package main

import (
	"strings"
	"testing"
)

func formatOf(t *testing.T, name string) format {
	t.Helper()
	var f format
	if err := f.Set(name); err != nil {
		t.Fatalf("format %q: %v", name, err)
	}
	return f
}

func TestValueIsParsedInItsFormat(t *testing.T) {
	tests := []struct{ format, text, want string }{
		{"hex", "", ""},
		{"hex", "00", "\x00"},
		{"hex", "0aFf", "\x0a\xff"},
		{"hex", "0x0102", "\x01\x02"},
		{"hex", "0X0102", "\x01\x02"},
		{"hex", " 01 02 ", "\x01\x02"},
		{"hex", "01:02:03", "\x01\x02\x03"},
		{"hex", "01-02", "\x01\x02"},
		{"utf8", "", ""},
		{"utf8", "é ok", "\xc3\xa9 ok"},
		{"utf8", " 0x01\n", " 0x01\n"},
		{"u8", "0", "\x00"},
		{"u8", "255", "\xff"},
		{"u8", "0xfF", "\xff"},
		{"u8", "010", "\x0a"},
		{"u8", "+7", "\x07"},
		{"u8", "1 2,3, 4", "\x01\x02\x03\x04"},
		{"u16", "258", "\x02\x01"},
		{"u16", "0x1234 1", "\x34\x12\x01\x00"},
		{"u32", "4294967295", "\xff\xff\xff\xff"},
		{"u32", "0x01020304", "\x04\x03\x02\x01"},
		{"i8", "-5", "\xfb"},
		{"i8", "-128 127", "\x80\x7f"},
		{"i8", "-0x80", "\x80"},
		{"i16", "-2", "\xfe\xff"},
		{"i32", "-2147483648", "\x00\x00\x00\x80"},
		{"f32", "1.5", "\x00\x00\xc0\x3f"},
		{"f32", "-0", "\x00\x00\x00\x80"},
		{"f32", "1e-3 -inf", "\x6f\x12\x83\x3a\x00\x00\x80\xff"},
	}
	for _, test := range tests {
		got, err := formatOf(t, test.format).Parse(test.text)
		if err != nil {
			t.Errorf("%s %q: %v", test.format, test.text, err)
		} else if string(got) != test.want {
			t.Errorf("%s %q is %x, want %x", test.format, test.text, got, test.want)
		}
	}
}

func TestBadValueIsRefusedAndQuoted(t *testing.T) {
	tests := []struct{ format, text, want string }{
		{"hex", "1", `value "1" is not hex`},
		{"hex", "010", `value "010" is not hex: it ends in half a byte`},
		{"hex", "01 2", `value "01 2" is not hex`},
		{"hex", "01:", `value "01:" is not hex`},
		{"hex", "01::02", `value "01::02" is not hex: ":0" is not a byte`},
		{"hex", "hello", `value "hello" is not hex: "he" is not a byte`},
		{"hex", "-5", `value "-5" is not hex`},
		{"utf8", "\xff", `value "\xff" is not UTF-8`},
		{"u8", "", `value "" holds no number`},
		{"u8", " , ", `value " , " holds no number`},
		{"u8", "256", `value "256" does not fit u8 (0 to 255)`},
		{"u8", "-1", `value "-1" does not fit u8 (0 to 255)`},
		{"u8", "ten", `value "ten" is not a number for the format u8`},
		{"u8", "1.5", `value "1.5" is not a number`},
		{"u8", "-ten", `value "-ten" is not a number`},
		{"u8", "0x", `value "0x" is not a number`},
		{"u8", "1_0", `value "1_0" is not a number`},
		{"u16", "1 65536", `value "65536" does not fit u16 (0 to 65535)`},
		{"u32", "4294967296", `value "4294967296" does not fit u32 (0 to 4294967295)`},
		{"i8", "128", `value "128" does not fit i8 (-128 to 127)`},
		{"i8", "-129", `value "-129" does not fit i8 (-128 to 127)`},
		{"i8", "--5", `value "--5" is not a number`},
		{"i8", "0x-5", `value "0x-5" is not a number`},
		{"i16", "32768", `value "32768" does not fit i16 (-32768 to 32767)`},
		{"i32", "2147483648", `value "2147483648" does not fit i32 (-2147483648 to 2147483647)`},
		{"f32", "1e39", `value "1e39" does not fit f32`},
		{"f32", "x", `value "x" is not a number for the format f32`},
	}
	for _, test := range tests {
		got, err := formatOf(t, test.format).Parse(test.text)
		if err == nil {
			t.Errorf("%s %q is %x, want an error", test.format, test.text, got)
		} else if !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s %q: %q, want %q", test.format, test.text, err, test.want)
		}
	}
}

func TestValueIsShownInItsFormat(t *testing.T) {
	tests := []struct{ format, value, want string }{
		{"hex", "", ""},
		{"hex", "\x00\xff", "00ff"},
		{"utf8", "", ""},
		{"utf8", "caf\u00e9 \u65e5", "caf\u00e9 \u65e5"},
		{"utf8", "a\x00b\n\x1b[31m", `a\x00b\n\x1b[31m`},
		{"utf8", "a\xffb\u200b", `a\xffb\u200b`},
		{"utf8", `it's "so"`, `it's "so"`},
		{"u8", "", ""},
		{"u8", "\x00\xff", "0 255"},
		{"u16", "\x02\x01\xff\xff", "258 65535"},
		{"u32", "\x04\x03\x02\x01", "16909060"},
		{"i8", "\xfb\x05", "-5 5"},
		{"i16", "\xfe\xff", "-2"},
		{"i32", "\x00\x00\x00\x80", "-2147483648"},
		{"f32", "\x00\x00\xc0\x3f", "1.5"},
		{"f32", "\x00\x00\x80\xff\x00\x00\xc0\x7f", "-Inf NaN"},
	}
	for _, test := range tests {
		f := formatOf(t, test.format)
		got, err := f.Format([]byte(test.value))
		if err != nil {
			t.Errorf("%s %x: %v", test.format, test.value, err)
			continue
		}
		if got != test.want {
			t.Errorf("%s %x is %q, want %q", test.format, test.value, got, test.want)
		}
		if !f.numeric() || len(test.value) == 0 {
			continue
		}
		if back, err := f.Parse(got); err != nil || string(back) != test.value {
			t.Errorf("%s %q reads back as %x, %v, want %x", test.format, got, back, err, test.value)
		}
	}
}

func TestPartOfANumberIsNotShown(t *testing.T) {
	for _, name := range []string{"u16", "u32", "i16", "i32", "f32"} {
		got, err := formatOf(t, name).Format([]byte{1, 2, 3})
		if err == nil || !strings.Contains(err.Error(), "value 010203 of 3 bytes is no whole number of "+name) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestUnknownFormatNamesTheKnown(t *testing.T) {
	var f format
	err := f.Set("u64")
	if err == nil || err.Error() != "must be one of hex, utf8, u8, u16, u32, i8, i16, i32, f32" {
		t.Errorf("error %v", err)
	}
}
