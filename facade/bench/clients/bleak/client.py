"""The benchmark's client on Bleak, written as a user of it would. It is run by make bench."""

import asyncio
import json
import os
import resource
import struct
import sys
import time

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

COMPANY, TARGET, FIRST, BATCH = 0x004C, "C0:00:00:00:00:00", 0xA000, 50


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1e6


class Meter:
    def __init__(self, events):
        self.events, self.seen, self.sum, self.started = events, 0, 0, None
        self.first = self.wall = self.cpu = 0
        self.done = asyncio.Event()

    def start(self):
        self.first, self.started, self.cpu = time.time_ns(), time.perf_counter(), cpu()

    def count(self, value):
        if self.started is None:
            self.start()
        self.sum += value
        self.seen += 1
        if self.seen % BATCH == 0:
            try:
                os.write(3, b".")
            except BrokenPipeError:
                pass
        if self.seen == self.events:
            self.wall, self.cpu = (time.perf_counter() - self.started) * 1e6, cpu() - self.cpu
            self.done.set()

    def event(self, value):
        self.count(int.from_bytes(value[:4], "little") + len(value))

    def report(self):
        with open("/proc/self/status") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        print(json.dumps({"events": self.seen, "sum": self.sum, "cpu": self.cpu, "wall": self.wall, "peak": peak, "first": self.first}))


async def scan(meter):
    def heard(_, adv):
        data = adv.manufacturer_data.get(COMPANY)
        if data is not None and meter.seen < meter.events:
            meter.count(int.from_bytes(data[:4], "little") + len(data) - adv.rssi)

    async with BleakScanner(heard):
        await meter.done.wait()


def client():
    path = "/org/bluez/hci0/dev_" + TARGET.replace(":", "_")
    return BleakClient(BLEDevice(TARGET, "", {"path": path, "props": {}}, -50), timeout=60)


async def connect(meter):
    async with BleakScanner():  # opens the connection to the bus that all clients share
        pass
    meter.start()
    while not meter.done.is_set():
        device = client()
        await device.connect()
        objects = sum(1 + sum(1 + len(c.descriptors) for c in s.characteristics) for s in device.services)
        await device.disconnect()
        meter.count(objects)


async def operate(mode, subscriptions, size, meter):
    async with client() as device:
        chars = [c for s in device.services for c in s.characteristics]
        chars.sort(key=lambda c: c.handle)
        if mode == "read":
            while not meter.done.is_set():
                meter.event(await device.read_gatt_char(chars[0]))
        elif mode == "write":
            for number in range(meter.events):
                value = struct.pack("<I", number) + bytes(size - 4)
                await device.write_gatt_char(chars[0], value, False)
                meter.event(value)
        elif mode == "notify":
            for char in chars[:subscriptions]:
                await device.start_notify(char, lambda _, value: meter.event(value))
            await meter.done.wait()


async def main():
    mode, events, subscriptions, size = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    meter = Meter(events)
    if mode == "scan":
        await scan(meter)
    elif mode == "connect":
        await connect(meter)
    else:
        await operate(mode, subscriptions, size, meter)
    meter.report()


asyncio.run(main())
