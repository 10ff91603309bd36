package assigned

// Services that many devices have. facade.UUID16 makes a UUID of a number.
const (
	ServiceGenericAccess               uint16 = 0x1800
	ServiceGenericAttribute            uint16 = 0x1801
	ServiceImmediateAlert              uint16 = 0x1802
	ServiceLinkLoss                    uint16 = 0x1803
	ServiceTxPower                     uint16 = 0x1804
	ServiceCurrentTime                 uint16 = 0x1805
	ServiceGlucose                     uint16 = 0x1808
	ServiceHealthThermometer           uint16 = 0x1809
	ServiceDeviceInformation           uint16 = 0x180A
	ServiceHeartRate                   uint16 = 0x180D
	ServiceBattery                     uint16 = 0x180F
	ServiceBloodPressure               uint16 = 0x1810
	ServiceHumanInterfaceDevice        uint16 = 0x1812
	ServiceRunningSpeedAndCadence      uint16 = 0x1814
	ServiceCyclingSpeedAndCadence      uint16 = 0x1816
	ServiceCyclingPower                uint16 = 0x1818
	ServiceEnvironmentalSensing        uint16 = 0x181A
	ServiceBodyComposition             uint16 = 0x181B
	ServiceWeightScale                 uint16 = 0x181D
	ServiceContinuousGlucoseMonitoring uint16 = 0x181F
	ServicePulseOximeter               uint16 = 0x1822
	ServiceFitnessMachine              uint16 = 0x1826
)

// Characteristics that many devices have. facade.UUID16 makes a UUID of a number.
const (
	CharacteristicDeviceName               uint16 = 0x2A00
	CharacteristicAppearance               uint16 = 0x2A01
	CharacteristicServiceChanged           uint16 = 0x2A05
	CharacteristicAlertLevel               uint16 = 0x2A06
	CharacteristicTxPowerLevel             uint16 = 0x2A07
	CharacteristicGlucoseMeasurement       uint16 = 0x2A18
	CharacteristicBatteryLevel             uint16 = 0x2A19
	CharacteristicTemperatureMeasurement   uint16 = 0x2A1C
	CharacteristicSystemID                 uint16 = 0x2A23
	CharacteristicModelNumberString        uint16 = 0x2A24
	CharacteristicSerialNumberString       uint16 = 0x2A25
	CharacteristicFirmwareRevisionString   uint16 = 0x2A26
	CharacteristicHardwareRevisionString   uint16 = 0x2A27
	CharacteristicSoftwareRevisionString   uint16 = 0x2A28
	CharacteristicManufacturerNameString   uint16 = 0x2A29
	CharacteristicCurrentTime              uint16 = 0x2A2B
	CharacteristicBloodPressureMeasurement uint16 = 0x2A35
	CharacteristicHeartRateMeasurement     uint16 = 0x2A37
	CharacteristicBodySensorLocation       uint16 = 0x2A38
	CharacteristicHeartRateControlPoint    uint16 = 0x2A39
	CharacteristicPnPID                    uint16 = 0x2A50
	CharacteristicRSCMeasurement           uint16 = 0x2A53
	CharacteristicCSCMeasurement           uint16 = 0x2A5B
	CharacteristicCyclingPowerMeasurement  uint16 = 0x2A63
	CharacteristicPressure                 uint16 = 0x2A6D
	CharacteristicTemperature              uint16 = 0x2A6E
	CharacteristicHumidity                 uint16 = 0x2A6F
)

// Descriptors that many characteristics have. facade.UUID16 makes a UUID of a number.
const (
	DescriptorCharacteristicExtendedProperties  uint16 = 0x2900
	DescriptorCharacteristicUserDescription     uint16 = 0x2901
	DescriptorClientCharacteristicConfiguration uint16 = 0x2902
	DescriptorServerCharacteristicConfiguration uint16 = 0x2903
	DescriptorCharacteristicFormat              uint16 = 0x2904
	DescriptorReportReference                   uint16 = 0x2908
)
