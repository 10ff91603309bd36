package facade

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// An Advertisement is what a device was last heard to say. BlueZ merges the packets
// of a device: fields that the latest packet lacks keep their last value, and
// ManufacturerData and ServiceData accumulate keys while a scan runs (unless
// ScanOptions.EveryPacket asks for each packet's own). Its slices and maps are shared
// with other receivers and must not be modified.
type Advertisement struct {
	Device      Device      // what Connect takes
	Address     Address     // the device's address
	AddressType AddressType // public or random
	Adapter     string      // the adapter that heard it, "hci0"
	Name        string      // the advertised name, empty if none was heard
	Time        time.Time   // when it was received from BlueZ

	RSSI       int16 // received signal strength in dBm; -127 if unknown
	HasRSSI    bool  // whether RSSI is known
	TxPower    int16 // advertised transmit power in dBm; 0 if unknown
	HasTxPower bool  // whether TxPower is known

	ServiceUUIDs     []UUID            // services that the device offers; after a connection, those it really has
	ManufacturerData map[uint16][]byte // by company identifier
	ServiceData      map[UUID][]byte   // by service

	// Coalesced is the number of earlier updates of this device that the consumer
	// was too slow to see and that this one replaces.
	Coalesced int

	// Lost, which ScanOptions.LostAfter asks for, says that the device is not heard any
	// more. The other fields are those of its last advertisement.
	Lost bool
}

// unknownRSSI is what RSSI holds when the strength is unknown: weaker than any
// strength that is received, so that comparisons do what is meant.
const unknownRSSI = -127

// String returns the address and the name.
func (a Advertisement) String() string {
	if a.Name == "" {
		return a.Address.String()
	}
	return a.Address.String() + " " + a.Name
}

// MarshalJSON writes one object with the fields time, adapter, address, address_type,
// name, rssi and tx_power (null when unknown), service_uuids, manufacturer_data
// with keys like "0x004c", service_data, coalesced unless it is 0, and lost if it is
// true. Bytes are written in hexadecimal.
func (a Advertisement) MarshalJSON() ([]byte, error) {
	out := struct {
		Time             time.Time         `json:"time"`
		Adapter          string            `json:"adapter"`
		Address          Address           `json:"address"`
		AddressType      AddressType       `json:"address_type"`
		Name             string            `json:"name"`
		RSSI             *int16            `json:"rssi"`
		TxPower          *int16            `json:"tx_power"`
		ServiceUUIDs     []UUID            `json:"service_uuids"`
		ManufacturerData map[string]string `json:"manufacturer_data"`
		ServiceData      map[UUID]string   `json:"service_data"`
		Coalesced        int               `json:"coalesced,omitempty"`
		Lost             bool              `json:"lost,omitempty"`
	}{
		Time: a.Time, Adapter: a.Adapter, Address: a.Address, AddressType: a.AddressType, Name: a.Name,
		ServiceUUIDs:     append([]UUID{}, a.ServiceUUIDs...), // [], not null
		ManufacturerData: make(map[string]string, len(a.ManufacturerData)),
		ServiceData:      make(map[UUID]string, len(a.ServiceData)),
		Coalesced:        a.Coalesced, Lost: a.Lost,
	}
	if a.HasRSSI {
		out.RSSI = &a.RSSI
	}
	if a.HasTxPower {
		out.TxPower = &a.TxPower
	}
	for company, data := range a.ManufacturerData {
		out.ManufacturerData[fmt.Sprintf("0x%04x", company)] = hex.EncodeToString(data)
	}
	for service, data := range a.ServiceData {
		out.ServiceData[service] = hex.EncodeToString(data)
	}
	return json.Marshal(out)
}
