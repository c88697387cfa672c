# SPDX-License-Identifier: MPL-2.0
"""A router with an empty queue, for clients of the protocol."""
import pathlib
import subprocess
import tempfile
import unittest

ZLOOM = "zloom"  # the program; set by the tests' mains

RECIPE = """\
zloom: 1
name: interop
flows:
  orders:
    pattern: queue
    from: external
    to: external
    retry: {failures: 3, backoff: [10ms]}
    dead_letter: orders-dead
  orders-dead: {pattern: queue, to: external}
"""


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zloom-interop-")
        state = pathlib.Path(self.folder.name) / "state"
        recipe = pathlib.Path(self.folder.name) / "interop.yaml"
        recipe.write_text(RECIPE)
        # A DEALER connects as soon as there is somebody to connect to.
        self.endpoint = f"ipc://{state}/run/router.sock"
        self.router = subprocess.Popen(
            [ZLOOM, "node", str(recipe), "router", "--state", str(state)],
            stdout=subprocess.DEVNULL)

    def tearDown(self):
        self.router.terminate()
        code = self.router.wait(30)
        self.folder.cleanup()
        self.assertEqual(code, 0, "the router did not leave in peace")
