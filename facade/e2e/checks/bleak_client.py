"""Uses our peripheral with Bleak, and prints what it sees.

    python3 - ADAPTER ADDRESS SERVICE VALUE NOTE COMMAND REFUSED CONTROL COUNTER

The last seven are UUIDs of package world. The bus is the one that
DBUS_SYSTEM_BUS_ADDRESS names.
"""

import asyncio
import struct
import sys

from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

adapter, address, SERVICE, VALUE, NOTE, COMMAND, REFUSED, CONTROL, COUNTER = sys.argv[1:]

NUMBERS = 20
COUNT = struct.pack("<BHH", 1, NUMBERS, 0)  # world.Control


async def use(client):
    service = client.services.get_service(SERVICE)
    print("characteristics", *(c.uuid[4:8] for c in sorted(service.characteristics, key=lambda c: c.handle)))

    value = bytes(n % 251 for n in range(300))
    await client.write_gatt_char(VALUE, value, response=True)
    print("read back", bytes(await client.read_gatt_char(VALUE)) == value)
    await client.write_gatt_char(COMMAND, b"command", response=False)
    print("command", bytes(await client.read_gatt_char(COMMAND)).decode())
    note = service.get_characteristic(VALUE).get_descriptor(NOTE)
    print("note", bytes(await client.read_gatt_descriptor(note.handle)).decode())
    try:
        await client.read_gatt_char(REFUSED)
    except BleakError as e:
        print("refused", "0x80" in str(e))

    numbers = asyncio.Queue()
    await client.start_notify(COUNTER, lambda _, value: numbers.put_nowait(struct.unpack("<I", value)[0]))
    await client.write_gatt_char(CONTROL, COUNT, response=True)
    print("notified", *[await numbers.get() for _ in range(NUMBERS)])
    await client.stop_notify(COUNTER)


async def leave(client):
    """Disconnects. Bleak 0.22 may hear that the link has ended, and close its bus, before it has the answer."""
    try:
        await client.disconnect()
    except EOFError:
        pass


async def main():
    # In the emulation some links end as soon as they are made, and BlueZ now and then does not tell that it has
    # connected, which Bleak waits for.
    for _ in range(5):
        device = await BleakScanner.find_device_by_address(address, timeout=60, adapter=adapter)
        print("found", device.address, device.name)
        client = BleakClient(device, timeout=20, adapter=adapter)
        try:
            await client.connect()
        except (BleakError, asyncio.TimeoutError) as e:
            print("not connected:", repr(e), file=sys.stderr)
            continue
        try:
            await use(client)
        finally:
            await leave(client)
        return
    sys.exit("never connected")


asyncio.run(main())
