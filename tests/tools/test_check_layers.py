# SPDX-License-Identifier: MPL-2.0
"""tools/check-layers goes red for what it forbids, and stays green for what it allows."""

import unittest

from toolcase import ToolCase

TABLE = """
zloom_layer (base DIR lib/base)
zloom_layer (wire DIR lib/wire USES base LIBS PkgConfig::MSGPACK)
zloom_layer (recipe DIR lib/recipe USES base) # USES wire
zloom_layer (journal DIR lib/journal USES base)
zloom_layer (queue DIR patterns/queue USES base wire)
zloom_layer (engine DIR lib/engine USES base wire
             journal)
zloom_layer (net DIR lib/net USES base wire)
zloom_layer (router DIR nodes/router USES base wire engine net)
"""
NODES = """
target_link_libraries (zloom PRIVATE zloom_router)
target_link_libraries (zloom-spawn PRIVATE zloom_base)
"""


class CheckLayers(ToolCase):
    tool = "check-layers"

    def setUp(self):
        super().setUp()
        self.write("CMakeLists.txt", TABLE)
        self.write("nodes/CMakeLists.txt", NODES)
        for path in ("lib/zloom.h", "lib/base/bytes.h", "lib/wire/pack.h", "lib/recipe/tree.h",
                     "lib/journal/journal.h", "lib/journal/segment.h", "lib/engine/engine.h"):
            self.write(path, "")

    def test_green(self):
        self.write("lib/wire/pack.c", '#include "wire/pack.h"\n#include "zloom.h"\n'
                                      '#include "base/bytes.h"\n#include <msgpack.h>\n')
        self.write("lib/engine/engine.c", '#include "engine.h"\n#include "journal/journal.h"\n'
                                          "#include <string.h>\n")
        self.write("nodes/zloom/main.c", '#include "journal/segment.h"\n#include <unistd.h>\n')
        self.write("nodes/router/router_actor.c", "#include <czmq.h>\n")
        self.write("lib/net/socket.c", "#include <zmq.h>\n#include <czmq.h>\n")
        self.write("lib/journal/vfs_posix.c", "#include <fcntl.h>\n")
        self.assert_green()

    def test_layer_that_is_not_in_uses(self):
        self.write("lib/base/bytes.c", '/* a\n * comment */\n#include "wire/pack.h"\n')
        self.assert_red("lib/base/bytes.c:3: ", "layer base may use nothing, not wire")

    def test_comment_in_the_table_is_no_right(self):
        self.write("lib/recipe/tree.c", '#include "wire/pack.h"\n')
        self.assert_red("lib/recipe/tree.c:1: ", "layer recipe may use base, not wire")

    def test_uses_is_not_inherited(self):
        self.write("nodes/router/main.c", '#include "journal/journal.h"\n')
        self.assert_red("nodes/router/main.c:1: ", "not journal")

    def test_spawn_is_held_to_what_it_links(self):
        self.write("nodes/spawn/main.c", '#include "wire/pack.h"\n')
        self.assert_red("nodes/spawn/main.c:1: ", "layer spawn may use base, not wire")

    def test_engine_sees_the_journals_contract_only(self):
        self.write("lib/engine/engine.c", '#include "journal/segment.h"\n')
        self.assert_red("lib/engine/engine.c:1: ", "by lib/journal/journal.h alone")

    def test_missing_header(self):
        self.write("lib/wire/pack.c", '#include "wire/none.h"\n')
        self.assert_red("lib/wire/pack.c:1: ", "is not in the tree")

    def test_dots(self):
        self.write("lib/wire/pack.c", '#include "../wire/pack.h"\n')
        self.assert_red("lib/wire/pack.c:1: ", "without ..")

    def test_include_in_a_comment_is_none(self):
        self.write("lib/base/bytes.c", '/*\n#include "wire/pack.h"\n*/\n')
        self.assert_green()

    def test_library_out_of_its_layer(self):
        for header, path in (("zmq.h", "lib/wire/a.c"), ("czmq.h", "lib/engine/a.c"),
                             ("msgpack.h", "lib/recipe/a.c"), ("libfyaml.h", "lib/wire/a.c"),
                             ("msgpack/pack.h", "lib/base/a.c"), ("cmocka.h", "lib/base/a.c")):
            with self.subTest(header=header):
                self.write(path, f"#include <{header}>\n")
                self.assert_red(f"{path}:1: <{header}> is not allowed in layer")
                self.write(path, "")

    def test_czmq_in_a_node_that_is_no_actor(self):
        self.write("nodes/router/main.c", "#include <czmq.h>\n")
        self.assert_green()
        self.write("nodes/router/router.h", "#include <czmq.h>\n")
        self.assert_green()
        self.write("nodes/router/loop.c", "#include <czmq.h>\n")
        self.assert_red("nodes/router/loop.c:1: ", "only *_actor files")
        self.write("nodes/router/loop.c", '#include "router.h"\nint x = zstr_send (0, 0);\n')
        self.assert_red("nodes/router/loop.c:2: zstr_send () is not allowed here")

    def test_pure_headers(self):
        for header in ("time.h", "sys/socket.h", "unistd.h", "pthread.h", "fcntl.h", "threads.h"):
            for path in ("patterns/queue/a.c", "lib/engine/a.c"):
                with self.subTest(header=header, path=path):
                    self.write(path, f"#include <{header}>\n")
                    self.assert_red(f"{path}:1: <{header}> is not allowed", "it is pure")
                    self.write(path, "")

    def test_pure_calls(self):
        for call in ("clock_gettime", "open", "read", "write", "rand", "getenv", "printf",
                     "zloom_clock_now"):
            with self.subTest(call=call):
                self.write("patterns/queue/a.c", f"int x;\nvoid f (void) {{ {call} (); }}\n")
                self.assert_red("patterns/queue/a.c:2: ", f"{call} () is not allowed")

    def test_pure_calls_of_a_port_or_in_text(self):
        self.write("patterns/queue/a.c", '/* open () */ char *s = "read ()";\n'
                                         "void f (void) { port->read (1); zloom_journal_open (); "
                                         "snprintf (0); }\n")
        self.assert_green()

    def test_journal_files_through_the_vfs(self):
        self.write("lib/journal/segment.c", "#include <fcntl.h>\n")
        self.assert_red("lib/journal/segment.c:1: ", "through its vfs alone")
        self.write("lib/journal/segment.c", "#include <unistd.h>\nint x = fdatasync (1);\n")
        self.assert_red("lib/journal/segment.c:2: fdatasync () is not allowed here")
        self.write("lib/journal/segment.c", "#include <unistd.h>\nint x = vfs->open (1);\n")
        self.assert_green()

    def test_folder_without_layer(self):
        self.write("lib/attic/a.c", "")
        self.assert_red("lib/attic/a.c:1: lib/attic belongs to no layer")

    def test_circle_and_unknown_name_in_the_table(self):
        self.write("CMakeLists.txt", TABLE + "zloom_layer (a DIR lib/a USES b)\n"
                                             "zloom_layer (b DIR lib/b USES a c)\n")
        self.assert_red("layer a uses itself in a circle", "layer b uses c, which is none")


if __name__ == "__main__":
    unittest.main()
