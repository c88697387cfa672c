#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""`zloom run --metrics`: what it says is Prometheus' text to the letter; bad clients do no harm."""
import os
import re
import signal
import socket
import unittest
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

import topology

ONE_FLOW = "flows:\n  jobs: {pattern: queue, from: external, to: external}\n"
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
VALUE = r"(-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? {VALUE}")
UNITS = ("_seconds", "_bytes", "_messages", "_keys", "_consumers", "_senders", "_paused",
         "_draining", "_holes", "_full", "_up", "_state", "_info")


def parse(text):
    """Every family of the text form 0.0.4, strictly: {name: (type, {labels: value})}."""
    assert text.endswith("\n")
    families = {}
    name = None
    lines = text[:-1].split("\n")
    while lines:
        line = lines.pop(0)
        if line.startswith("# HELP "):
            name, help_text = re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line).groups()
            assert help_text.endswith("."), line
            kind = re.fullmatch(rf"# TYPE {name} (gauge|counter)", lines.pop(0)).group(1)
            assert name not in families, f"{name} comes twice"
            families[name] = (kind, {})
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, f"no sample: {line!r}"
        assert sample.group(1) == name, f"{line!r} stands behind {name}"
        labels = tuple(re.findall(LABEL, sample.group(2) or ""))
        assert len({key for key, _ in labels}) == len(labels), line
        assert labels not in families[name][1], f"twice: {line!r}"
        families[name][1][labels] = float(sample.groups()[-1])
    return families


class Metrics(topology.Case):
    def start(self, *words):
        self.write("w.py", "import sys\n"
                           "for line in sys.stdin:\n    print(line, end='', flush=True)\n")
        self.run_topology(self.recipe("""nodes:
  work: {kind: worker, run: [python3, w.py], replicas: 2, restart: {backoff: [60s]}}
flows:
  jobs: {pattern: queue, from: external, to: work, dead_letter: dead}
  dead: {pattern: queue, to: external}
"""), "--metrics", "127.0.0.1:0", *words)
        self.place = re.search(r"metrics-listen address=(\S+)", self.said()).group(1)

    def get(self, path, method="GET"):
        request = urllib.request.Request(f"http://{self.place}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=topology.DEADLINE_S) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def raw(self, data):
        """Send bytes, and give all that comes back."""
        host, port = self.place.rsplit(":", 1)
        with socket.create_connection((host, int(port)), topology.DEADLINE_S) as peer:
            peer.sendall(data)
            answer = b""
            while chunk := peer.recv(65536):
                answer += chunk
            return answer

    def families(self):
        status, headers, text = self.get("/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(int(headers["Content-Length"]), len(text.encode()))
        families = parse(text)
        # The clients of Prometheus read the same: they take counters without their _total.
        self.assertEqual({family.name for family in text_string_to_metric_families(text)},
                         {name.removesuffix("_total") for name in families})
        return families

    def value(self, name, *labels):
        return self.families().get(name, ("", {}))[1].get(labels)

    def test_everything_is_there_and_well_formed(self):
        self.start()
        self.assertEqual(self.ask("send", "jobs", *map(str, range(20))).returncode, 0)
        topology.wait_for("twenty are done", lambda: self.value(
            "zloom_flow_acked_messages_total", ("flow", "jobs")) == 20)
        families = self.families()
        for name, (kind, samples) in families.items():
            self.assertTrue(samples, f"{name} has no sample")
            self.assertTrue(name.startswith("zloom_"), name)
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
            self.assertTrue(kind == "counter" or name.endswith(UNITS), name)
            for bad in ("_ms", "_ns", "_milliseconds"):
                self.assertNotIn(bad, name)
        (labels, value), = families["zloom_build_info"][1].items()
        self.assertEqual((labels[1], value), (("topology", "test"), 1))
        version = topology.zloom("version").stdout.split()[1]
        self.assertEqual(labels[0], ("version", version))
        unit = (("unit", "work.2"), ("node", "work"), ("kind", "worker"))
        self.assertEqual(families["zloom_unit_up"][1][unit], 1)
        self.assertEqual(families["zloom_unit_starts_total"][1][unit], 1)
        self.assertGreater(families["zloom_unit_memory_bytes"][1][unit], 100000)
        self.assertEqual(families["zloom_unit_state"][1][unit + (("state", "ready"),)], 1)
        self.assertEqual(families["zloom_router_up"][1][()], 1)
        self.assertEqual(families["zloom_flow_appended_messages_total"][1][(("flow", "jobs"),)], 20)
        self.assertEqual(families["zloom_flow_consumers"][1][(("flow", "jobs"),)], 2)
        self.assertIn((("unit", "work.1"),), families["zloom_node_acked_messages_total"][1])
        self.assertLess(families["zloom_journal_last_sync_seconds"][1][()], 60)
        self.assertGreater(families["zloom_supervisor_start_time_seconds"][1][()], 1.7e9)

    def test_health_follows_the_units(self):
        self.start()
        self.assertEqual(self.get("/healthz")[::2], (200, "ok\n"))
        os.kill(self.pid("work.1"), signal.SIGKILL)
        topology.wait_for("one unit is away", lambda: self.get("/healthz")[::2] ==
                          (503, "unit work.1 is backoff\n"))
        unit = (("unit", "work.1"), ("node", "work"), ("kind", "worker"))
        self.assertEqual(self.value("zloom_unit_up", *unit), 0)

    def test_threads_have_metrics_too(self):
        self.start("--threads")
        topology.wait_for("the router is asked", lambda: self.value("zloom_router_up") == 1)
        families = self.families()
        self.assertNotIn("zloom_unit_memory_bytes", {
            name for name, (_, samples) in families.items() if samples})
        self.assertEqual(families["zloom_flow_ready_messages"][1][(("flow", "dead"),)], 0)

    def test_other_requests(self):
        self.start()
        status, headers, body = self.get("/metrics", "HEAD")
        self.assertEqual((status, body), (200, ""))
        self.assertGreater(int(headers["Content-Length"]), 1000)
        self.assertEqual(self.get("/metrics?x=1")[0], 200)
        self.assertEqual(self.get("/")[0], 404)
        self.assertEqual(self.get("/metrics/../../etc/passwd")[0], 404)
        status, headers, _ = self.get("/metrics", "DELETE")
        self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))
        for bad in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"\0\xff\n\n",
                    b"GET metrics HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/1.1 x\r\n\r\n"):
            with self.subTest(bad=bad):
                self.assertTrue(self.raw(bad).startswith(b"HTTP/1.0 400 "))
        self.assertTrue(self.raw(b"GET /healthz HTTP/1.1\n\n").endswith(b"ok\n"))
        self.assertTrue(self.raw(b"GET /x HTTP/1.1\r\nA: " + b"b" * 8192).startswith(
            b"HTTP/1.0 431 "))

    def test_who_holds_connections_keeps_nobody_out(self):
        self.start()
        host, port = self.place.rsplit(":", 1)
        held = [socket.create_connection((host, int(port))) for _ in range(30)]
        try:
            for peer in held:
                try:
                    peer.sendall(b"GET /met")
                except OSError:
                    pass  # its place was taken already
            self.assertEqual(self.get("/healthz")[0], 200)
            # Those that are left are ended when their time is over.
            for peer in held:
                peer.settimeout(topology.DEADLINE_S)
                try:
                    self.assertEqual(peer.recv(1), b"")
                except ConnectionResetError:
                    pass
        finally:
            for peer in held:
                peer.close()
        self.assertEqual(self.stop(), 0)

    def test_addresses_that_cannot_be(self):
        recipe = self.recipe(ONE_FLOW)
        for bad in ("nonsense", "localhost:80", "1.2.3.4:99999", ":", "127.0.0.1:-1", "[::1:80"):
            with self.subTest(bad=bad):
                done = topology.zloom("run", recipe, "--state", self.state, "--metrics", bad)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn("is no address to listen at", done.stderr)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            done = topology.zloom("run", recipe, "--state", self.state, "--metrics", address)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("cannot listen for metrics", done.stderr)

    def test_an_open_address_is_said_aloud(self):
        self.run_topology(self.recipe(ONE_FLOW),
                          "--metrics", "0.0.0.0:0")
        self.assertIn(" warn metrics-listen address=0.0.0.0:", self.said())


if __name__ == "__main__":
    unittest.main()
