"""Run one of BlueZ's example peripherals on a chosen adapter.

    run.py ADAPTER_PATH SCRIPT

The examples take the first adapter that the bus lists. With several
controllers that is left to chance, so their choice is replaced.
"""

import importlib.machinery
import importlib.util
import sys

from gi.repository import GLib, GObject

# example-advertisement still expects the main loop where PyGObject once had it.
GObject.MainLoop = GLib.MainLoop


def load(path):
    loader = importlib.machinery.SourceFileLoader("example", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("example", loader))
    loader.exec_module(module)
    return module


adapter, script = sys.argv[1:]
example = load(script)
example.find_adapter = lambda bus: adapter
example.main()
