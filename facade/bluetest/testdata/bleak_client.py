"""Does with Bleak what an application does, and prints what it sees.

    bleak_client.py SENSOR UART

The first address is that of a heart-rate sensor, the second that of a
device with the Nordic UART Service, which echoes. The bus is the one that
DBUS_SYSTEM_BUS_ADDRESS names.
"""

import asyncio
import sys

from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

RECEIVE = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
TRANSMIT = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
SENSOR_LOCATION = "00002a38-0000-1000-8000-00805f9b34fb"
CONTROL_POINT = "00002a39-0000-1000-8000-00805f9b34fb"

PATIENCE = 30  # seconds for all of it


async def scan(sensor):
    """Prints what the sensor advertises, and finds it by its address."""
    heard = asyncio.get_running_loop().create_future()

    def advertised(device, data):
        if device.address == sensor and data.local_name and not heard.done():
            heard.set_result((device, data))

    async with BleakScanner(advertised):
        device, data = await heard
    print("heard", device.address, data.local_name, "RSSI", data.rssi)
    print("services", *sorted(uuid[4:8] for uuid in data.service_uuids))
    print("manufacturer data", {company: value.hex() for company, value in data.manufacturer_data.items()})
    found = await BleakScanner.find_device_by_address(sensor.lower())
    print("found", found.address, found.name)
    return found


async def read_sensor(device):
    """Connects to the sensor, prints its services and reads."""
    async with BleakClient(device) as client:
        print("connected", client.is_connected)
        for service in sorted(client.services, key=lambda s: s.handle):
            characteristics = sorted(service.characteristics, key=lambda c: c.handle)
            print("service", service.uuid[4:8], *(c.uuid[4:8] for c in characteristics))
        print("location", (await client.read_gatt_char(SENSOR_LOCATION)).hex())
        try:
            await client.write_gatt_char(CONTROL_POINT, b"\x07", response=True)
        except BleakError as e:
            print("refused", "0x80" in str(e))
    print("connected", client.is_connected)


async def talk_to_uart(address):
    """Writes to the echo with and without response, and prints what it notifies."""
    ended = asyncio.Event()
    echo = asyncio.Queue()
    client = BleakClient(address, disconnected_callback=lambda _: ended.set())
    await client.connect()
    await client.start_notify(TRANSMIT, lambda _, value: echo.put_nowait(bytes(value)))
    for response in (True, False):
        for text in (b"hello", b"again"):
            await client.write_gatt_char(RECEIVE, text, response=response)
            print("echo", (await echo.get()).decode())
    await client.stop_notify(TRANSMIT)
    await client.disconnect()
    await ended.wait()
    print("disconnected")


async def main(sensor, uart):
    await read_sensor(await scan(sensor))
    await talk_to_uart(uart)


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), PATIENCE))
