package assigned

import (
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/facade"
)

func TestNames(t *testing.T) {
	vendor := func(text string) [16]byte {
		uuid, err := facade.ParseUUID(text)
		if err != nil {
			t.Fatal(err)
		}
		return uuid
	}
	name := func(name string, ok bool) string {
		if !ok {
			return "unknown"
		}
		return name
	}
	for what, c := range map[string][2]string{
		"service":                         {name(Service(facade.UUID16(0x180D))), "Heart Rate"},
		"first service":                   {name(Service(facade.UUID16(0x1000))), "Service Discovery Server Service Class"},
		"last service":                    {name(Service(facade.UUID16(0xFFFE))), "Wireless Power Transfer"},
		"service of a company":            {name(Service(facade.UUID16(0xFD6F))), "Apple, Inc."},
		"service of a vendor":             {name(Service(vendor("6e400001-b5a3-f393-e0a9-e50e24dcca9e"))), "Nordic UART Service"},
		"unknown service":                 {name(Service(facade.UUID16(0x1817))), "unknown"},
		"unknown service of a vendor":     {name(Service(vendor("6e400009-b5a3-f393-e0a9-e50e24dcca9e"))), "unknown"},
		"service of 32 bits":              {name(Service(facade.UUID32(0x1000180D))), "unknown"},
		"zero UUID":                       {name(Service(facade.UUID{})), "unknown"},
		"characteristic as service":       {name(Service(facade.UUID16(0x2A37))), "unknown"},
		"characteristic":                  {name(Characteristic(facade.UUID16(0x2A37))), "Heart Rate Measurement"},
		"characteristic of two names":     {name(Characteristic(facade.UUID16(0x2C03))), "BGS Features"},
		"characteristic of a vendor":      {name(Characteristic(vendor("6e400002-b5a3-f393-e0a9-e50e24dcca9e"))), "Nordic UART TX"},
		"descriptor":                      {name(Descriptor(facade.UUID16(0x2902))), "Client Characteristic Configuration"},
		"descriptor of a vendor":          {name(Descriptor(vendor("6e400001-b5a3-f393-e0a9-e50e24dcca9e"))), "unknown"},
		"first company":                   {name(Company(0)), "Ericsson Technology Licensing"},
		"company":                         {name(Company(0x0059)), "Nordic Semiconductor ASA"},
		"company in its own letters":      {name(Company(0x0040)), "Seiko Epson Corporation"},
		"last company":                    {name(Company(0xFFFF)), "internal use"},
		"unknown company":                 {name(Company(0xFFFE)), "unknown"},
		"type of data":                    {name(ADType(0xFF)), "Manufacturer Specific Data"},
		"type that stands for two things": {name(ADType(0x10)), "Device ID"},
		"unknown type of data":            {name(ADType(0)), "unknown"},
		"appearance":                      {name(Appearance(961)), "Keyboard"},
		"category":                        {name(Appearance(64)), "Phone"},
		"unknown subcategory":             {name(Appearance(65)), "Phone"},
		"no appearance":                   {name(Appearance(0)), "Unknown"},
		"appearance behind a range":       {name(Appearance(1216)), "unknown"},
		"unknown appearance":              {name(Appearance(0xFFFF)), "unknown"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %q, want %q", what, c[0], c[1])
		}
	}
}

// Each line of each table is found, and what lies between two lines is not.
func TestTablesAreComplete(t *testing.T) {
	for name, c := range map[string]struct {
		table  string
		digits int
		atMin  int
	}{
		"services":        {services, 4, 500},
		"characteristics": {characteristics, 4, 270},
		"descriptors":     {descriptors, 4, 15},
		"companies":       {companies, 4, 2300},
		"appearances":     {appearances, 4, 45},
		"adTypes":         {adTypes, 2, 40},
		"vendors":         {vendors, 32, 45},
	} {
		lines := strings.Split(strings.TrimSuffix(c.table, "\n"), "\n")
		if len(lines) < c.atMin {
			t.Errorf("%s has %d lines, want at least %d", name, len(lines), c.atMin)
		}
		if !slices.IsSorted(lines) {
			t.Errorf("%s is not sorted", name)
		}
		for _, line := range lines {
			number, want, _ := strings.Cut(line, " ")
			if digits, err := hex.DecodeString(number); err != nil || 2*len(digits) != c.digits || strings.ToLower(number) != number {
				t.Errorf("%s: number %q", name, number)
			}
			if got, ok := find(c.table, []byte(number)); !ok || got != want || strings.TrimSpace(want) != want || want == "" {
				t.Errorf("%s: %s is %q, %v, want %q", name, number, got, ok, want)
			}
			if got, ok := find(c.table, []byte(number+"0")); ok {
				t.Errorf("%s: %s0 is %q", name, number, got)
			}
		}
	}
}

func TestDocumentationNamesTheVersion(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "source package bluez "+Version+" ") {
		t.Errorf("doc.go does not say that the numbers are of bluez %s", Version)
	}
}

// The constants are what BlueZ calls by such names.
func TestConstantsAreNamedAfterTheirNumbers(t *testing.T) {
	for number, want := range map[uint16]string{
		ServiceBattery: "Battery Service", ServiceHeartRate: "Heart Rate", ServiceDeviceInformation: "Device Information",
		ServiceHumanInterfaceDevice: "Human Interface Device", ServiceFitnessMachine: "Fitness Machine",
		ServiceContinuousGlucoseMonitoring: "Continuous Glucose Monitoring", ServicePulseOximeter: "Pulse Oximeter",
		ServiceEnvironmentalSensing: "Environmental Sensing", ServiceCyclingPower: "Cycling Power", ServiceWeightScale: "Weight Scale",
		ServiceBodyComposition: "Body Composition", ServiceGlucose: "Glucose", ServiceBloodPressure: "Blood Pressure",
		ServiceHealthThermometer: "Health Thermometer", ServiceRunningSpeedAndCadence: "Running Speed and Cadence",
		ServiceCyclingSpeedAndCadence: "Cycling Speed and Cadence", ServiceGenericAccess: "Generic Access Profile",
		ServiceGenericAttribute: "Generic Attribute Profile", ServiceImmediateAlert: "Immediate Alert", ServiceLinkLoss: "Link Loss",
		ServiceTxPower: "Tx Power", ServiceCurrentTime: "Current Time Service",
	} {
		if got, _ := Service(facade.UUID16(number)); got != want {
			t.Errorf("service %04x is %q, want %q", number, got, want)
		}
	}
	for number, want := range map[uint16]string{
		CharacteristicDeviceName: "Device Name", CharacteristicAppearance: "Appearance", CharacteristicServiceChanged: "Service Changed",
		CharacteristicAlertLevel: "Alert Level", CharacteristicTxPowerLevel: "Tx Power Level",
		CharacteristicGlucoseMeasurement: "Glucose Measurement", CharacteristicBatteryLevel: "Battery Level",
		CharacteristicTemperatureMeasurement: "Temperature Measurement", CharacteristicSystemID: "System ID",
		CharacteristicModelNumberString: "Model Number String", CharacteristicSerialNumberString: "Serial Number String",
		CharacteristicFirmwareRevisionString: "Firmware Revision String", CharacteristicHardwareRevisionString: "Hardware Revision String",
		CharacteristicSoftwareRevisionString: "Software Revision String", CharacteristicManufacturerNameString: "Manufacturer Name String",
		CharacteristicCurrentTime: "Current Time", CharacteristicBloodPressureMeasurement: "Blood Pressure Measurement",
		CharacteristicHeartRateMeasurement: "Heart Rate Measurement", CharacteristicBodySensorLocation: "Body Sensor Location",
		CharacteristicHeartRateControlPoint: "Heart Rate Control Point", CharacteristicPnPID: "PnP ID",
		CharacteristicRSCMeasurement: "RSC Measurement", CharacteristicCSCMeasurement: "CSC Measurement",
		CharacteristicCyclingPowerMeasurement: "Cycling Power Measurement", CharacteristicPressure: "Pressure",
		CharacteristicTemperature: "Temperature", CharacteristicHumidity: "Humidity",
	} {
		if got, _ := Characteristic(facade.UUID16(number)); got != want {
			t.Errorf("characteristic %04x is %q, want %q", number, got, want)
		}
	}
	for number, want := range map[uint16]string{
		DescriptorCharacteristicExtendedProperties:  "Characteristic Extended Properties",
		DescriptorCharacteristicUserDescription:     "Characteristic User Description",
		DescriptorClientCharacteristicConfiguration: "Client Characteristic Configuration",
		DescriptorServerCharacteristicConfiguration: "Server Characteristic Configuration",
		DescriptorCharacteristicFormat:              "Characteristic Format", DescriptorReportReference: "Report Reference",
	} {
		if got, _ := Descriptor(facade.UUID16(number)); got != want {
			t.Errorf("descriptor %04x is %q, want %q", number, got, want)
		}
	}
}

func TestLookUpsDoNotAllocate(t *testing.T) {
	service, vendor := facade.UUID16(0x180D), facade.UUID{0: 0x6e, 1: 0x40}
	allocs := testing.AllocsPerRun(100, func() {
		_, _ = Service(service)
		_, _ = Characteristic(vendor)
		_, _ = Company(0x0059)
		_, _ = ADType(0x16)
		_, _ = Appearance(961)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
