package facade

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The pages of this package, by the number of columns of their tables that do not speak of it.
var pages = map[string]int{"BLEAK.md": 1, "TRAPS.md": 2, "RUNNING.md": 0, "../README.md": 0}

// The pages name what exists: in prose with the package before it, in tables also without.
func TestPagesNameWhatExists(t *testing.T) {
	known := map[string]map[string]bool{}
	for name, dir := range map[string]string{
		"facade": ".", "assigned": "assigned", "bluetest": "bluetest", "peripheral": "peripheral", "bluezgen": "../bluezgen", "bus": "../gen/bus", "checks": "e2e/checks", "guest": "e2e/guest",
	} {
		known[name] = declared(t, dir)
	}
	qualified := regexp.MustCompile(`\b(facade|assigned|bluetest|peripheral|bus)\.([A-Z]\w*(?:\.[A-Z]\w*)?)`)
	for page, skip := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Error(err)
			continue
		}
		for i, line := range strings.Split(string(text), "\n") {
			where := fmt.Sprintf("%s:%d", page, i+1)
			for _, m := range qualified.FindAllStringSubmatch(line, -1) {
				if !known[m[1]][m[2]] {
					t.Errorf("%s names %s, which does not exist", where, m[0])
				}
			}
			if skip > 0 && strings.HasPrefix(line, "| ") {
				checkRow(t, where, strings.Split(line, "|")[1+skip:], known)
			}
		}
	}
}

// The table "Bleak to Go" leaves out nothing of Bleak's API.
func TestEveryNameOfBleakHasItsRow(t *testing.T) {
	page, err := os.ReadFile("BLEAK.md")
	if err != nil {
		t.Fatal(err)
	}
	var left strings.Builder // the columns that speak of Bleak
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			left.WriteString(cells[1] + "\n")
		}
	}
	for _, name := range strings.Fields(`
		BleakScanner detection_callback service_uuids scanning_mode bluez adapter or_patterns backend backend_id cb start stop async
		advertisement_data discover timeout return_adv find_device_by_address find_device_by_name find_device_by_filter discovered_devices
		discovered_devices_and_advertisement_data ExtraArgs BlueZScannerArgs BlueZDiscoveryFilters UUIDs RSSI Pathloss Transport DuplicateData
		Discoverable Pattern OrPattern start_position ad_data_type content_of_pattern
		BLEDevice.address BLEDevice.name BLEDevice.details BLEDevice.rssi BLEDevice.metadata local_name manufacturer_data service_data tx_power
		rssi platform_data register_detection_callback set_scanning_filter set_disconnected_callback get_services
		BleakClient disconnected_callback services pair winrt connect dangerous_use_bleak_cache disconnect is_connected name address mtu_size
		_acquire_mtu unpair read_gatt_char use_cached write_gatt_char response start_notify use_start_notify BlueZNotifyArgs stop_notify
		read_gatt_descriptor write_gatt_descriptor str(client)
		BleakGATTServiceCollection get_service get_characteristic get_descriptor .characteristics .descriptors Multiple
		BleakGATTService.handle BleakGATTService.get_characteristic .description BleakGATTCharacteristic.handle .uuid .properties .service_uuid
		.service_handle max_write_without_response_size BleakGATTDescriptor.handle .characteristic_uuid .characteristic_handle
		BleakError BleakBluetoothNotAvailableError NO_BLUETOOTH NO_BLE_CENTRAL_ROLE POWERED_OFF DENIED_BY_USER DENIED_BY_SYSTEM
		DENIED_BY_UNKNOWN UNKNOWN BleakCharacteristicNotFoundError char_specifier BleakDeviceNotFoundError identifier BleakDBusError dbus_error
		dbus_error_details BleakGATTProtocolError.code BleakGATTProtocolErrorCode TimeoutError ValueError TypeError CONTROLLER_ERROR_CODES
		PROTOCOL_ERROR_CODES normalize_uuid_str normalize_uuid_16 normalize_uuid_32 uuidstr_to_str register_uuids uuid16_dict uuid128_dict
		MANUFACTURERS AdvertisementDataType CHARACTERISTIC_PROPERTIES gatt_char_props_to_strs SizedBuffer get_default_backend BleakBackend
		BLEAK_LOGGING BLEAK_DBUS_AUTH_UID DBUS_SYSTEM_BUS_ADDRESS`) {
		if !strings.Contains(left.String(), name) {
			t.Errorf("%s has no row", name)
		}
	}
}

// checkRow checks what the cells of a table have in backquotes.
func checkRow(t *testing.T, where string, cells []string, known map[string]map[string]bool) {
	t.Helper()
	name := regexp.MustCompile(`^\*?(?:(\w+)\.)?(\w+(?:\.\w+)?)$`)
	for _, cell := range cells {
		for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			text := quoted[1]
			if strings.HasSuffix(text, ".go") {
				if _, err := os.Stat(text); err != nil {
					t.Errorf("%s names a file: %v", where, err)
				}
				continue
			}
			m := name.FindStringSubmatch(text)
			switch {
			case m == nil: // a piece of code, a command
			case known["facade"][strings.TrimPrefix(text, "*")], known[m[1]][m[2]], strings.HasPrefix(text, "Test") && isTest(known, text):
			case m[1] == "errors" || m[1] == "context" || regexp.MustCompile(`^[A-Z_]+$`).MatchString(text):
			default:
				t.Errorf("%s names %s, which does not exist", where, text)
			}
		}
	}
}

// isTest reports whether there is a test of a name beside this package, or among those that run against BlueZ.
func isTest(known map[string]map[string]bool, name string) bool {
	return known["bluetest"][name] || known["peripheral"][name] || known["checks"][name] || known["guest"][name] || known["bus"][name]
}

// declared returns what the files of a package declare: names, and those of methods and fields behind their types.
func declared(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					name = receiver(d.Recv.List[0].Type) + "." + name
				}
				names[name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					addSpec(names, spec)
				}
			}
		}
		// The checks that run against BlueZ are named in a table.
		ast.Inspect(parsed, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && strings.HasPrefix(l.Value, `"Test`) {
				names[strings.Trim(l.Value, `"`)] = true
			}
			return true
		})
	}
	return names
}

func addSpec(names map[string]bool, spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			names[name.Name] = true
		}
	case *ast.TypeSpec:
		names[spec.Name.Name] = true
		var members *ast.FieldList
		switch t := spec.Type.(type) {
		case *ast.StructType:
			members = t.Fields
		case *ast.InterfaceType:
			members = t.Methods
		default:
			return
		}
		for _, member := range members.List {
			for _, name := range member.Names {
				names[spec.Name.Name+"."+name.Name] = true
			}
		}
	}
}

// receiver returns the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
