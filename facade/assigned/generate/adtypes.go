package main

import (
	"fmt"
	"regexp"
)

// adTypeNames has the names of the types of advertising data, by those of BlueZ's constants: BlueZ has no texts for them.
var adTypeNames = map[string]string{
	"FLAGS":                    "Flags",
	"UUID16_SOME":              "Incomplete List of 16-bit Service UUIDs",
	"UUID16_ALL":               "Complete List of 16-bit Service UUIDs",
	"UUID32_SOME":              "Incomplete List of 32-bit Service UUIDs",
	"UUID32_ALL":               "Complete List of 32-bit Service UUIDs",
	"UUID128_SOME":             "Incomplete List of 128-bit Service UUIDs",
	"UUID128_ALL":              "Complete List of 128-bit Service UUIDs",
	"NAME_SHORT":               "Shortened Local Name",
	"NAME_COMPLETE":            "Complete Local Name",
	"TX_POWER":                 "Tx Power Level",
	"CLASS_OF_DEV":             "Class of Device",
	"SSP_HASH":                 "Simple Pairing Hash C-192",
	"SSP_RANDOMIZER":           "Simple Pairing Randomizer R-192",
	"DEVICE_ID":                "Device ID",
	"SMP_TK":                   "Security Manager TK Value",
	"SMP_OOB_FLAGS":            "Security Manager Out of Band Flags",
	"PERIPHERAL_CONN_INTERVAL": "Peripheral Connection Interval Range",
	"SOLICIT16":                "List of 16-bit Service Solicitation UUIDs",
	"SOLICIT32":                "List of 32-bit Service Solicitation UUIDs",
	"SOLICIT128":               "List of 128-bit Service Solicitation UUIDs",
	"SERVICE_DATA16":           "Service Data of a 16-bit UUID",
	"SERVICE_DATA32":           "Service Data of a 32-bit UUID",
	"SERVICE_DATA128":          "Service Data of a 128-bit UUID",
	"PUBLIC_ADDRESS":           "Public Target Address",
	"RANDOM_ADDRESS":           "Random Target Address",
	"GAP_APPEARANCE":           "Appearance",
	"ADVERTISING_INTERVAL":     "Advertising Interval",
	"LE_DEVICE_ADDRESS":        "LE Bluetooth Device Address",
	"LE_ROLE":                  "LE Role",
	"SSP_HASH_P256":            "Simple Pairing Hash C-256",
	"SSP_RANDOMIZER_P256":      "Simple Pairing Randomizer R-256",
	"LE_SC_CONFIRM_VALUE":      "LE Secure Connections Confirmation Value",
	"LE_SC_RANDOM_VALUE":       "LE Secure Connections Random Value",
	"URI":                      "URI",
	"INDOOR_POSITIONING":       "Indoor Positioning",
	"TRANSPORT_DISCOVERY":      "Transport Discovery Data",
	"LE_SUPPORTED_FEATURES":    "LE Supported Features",
	"CHANNEL_MAP_UPDATE_IND":   "Channel Map Update Indication",
	"MESH_PROV":                "PB-ADV",
	"MESH_DATA":                "Mesh Message",
	"MESH_BEACON":              "Mesh Beacon",
	"CSIP_RSI":                 "Resolvable Set Identifier",
	"3D_INFO_DATA":             "3D Information Data",
	"MANUFACTURER_DATA":        "Manufacturer Specific Data",
}

// adTypes returns the types that BlueZ's header defines before the flags of the first of them.
func adTypes(source string) ([]entry, error) {
	var found []entry
	for _, match := range regexp.MustCompile(`(?m)^#define BT_AD_(\w+)\s+0x([0-9a-f]{2})$`).FindAllStringSubmatch(source, -1) {
		name, known := adTypeNames[match[1]]
		if !known {
			return nil, fmt.Errorf("advertising data of type %s has no name here: add it to adTypeNames", match[1])
		}
		found = append(found, entry{match[2], name})
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no types of advertising data in %s", adSource)
	}
	return found, nil
}
