# SPDX-License-Identifier: MPL-2.0
"""cmake --install: what lies where, what the library shows, programs by pkg-config and by CMake."""
import re
import shutil
import subprocess

import installed
from installed import CMAKE, COMPILER, HERE, SOURCE, run

PROJECT = """\
cmake_minimum_required (VERSION 3.16)
project (stranger LANGUAGES C)
find_package (zloom %s REQUIRED)
find_package (PkgConfig REQUIRED)
pkg_check_modules (CZMQ REQUIRED IMPORTED_TARGET libczmq)
add_executable (host host.c)
target_link_libraries (host PRIVATE zloom::zloom PkgConfig::CZMQ)
add_executable (greet greet.c)
target_link_libraries (greet PRIVATE zloom::zloom)
"""

SCRIPT = """\
#!/usr/bin/env python3
import zloom
zloom.run(lambda message: message.text().upper())
"""


def readme(language):
    """The example of the README, as it stands under its heading."""
    text = (SOURCE / "README.md").read_text()
    section = text[text.index("\n## Embed"):]
    return re.search(rf"```{language}\n(.*?)```", section, re.S).group(1)


class Installed(installed.Case):
    def greet(self):
        """The README's program and recipe, in the test's place."""
        (self.place / "greet.yaml").write_text(readme("yaml"))
        source = self.place / "greet.c"
        source.write_text(readme("c"))
        return source

    def test_what_lies_where(self):
        names = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*")
                 if not path.is_dir()}
        wanted = {"bin/zloom", "libexec/zloom/zloom-spawn", "libexec/zloom/zloom-jq.so",
                  "libexec/zloom/zloom-sh",
                  "include/zloom.h"}
        wanted |= {f"share/zloom/helpers/{path.name}"
                   for path in (SOURCE / "nodes" / "worker" / "helpers").iterdir()
                   if path.is_file()}
        wanted |= {f"share/man/man1/{path.name}" for path in (SOURCE / "docs/man").glob("*.1")}
        self.assertEqual(wanted - names, set())
        completions = {path.name for path in (SOURCE / "nodes/zloom/completions").glob("*")}
        self.assertEqual(bool(completions & {"zloom.bash"}),
                         "share/bash-completion/completions/zloom" in names)
        self.assertEqual(bool(completions & {"zloom.fish"}),
                         "share/fish/vendor_completions.d/zloom.fish" in names)
        self.assertEqual(bool(completions & {"_zloom", "zloom.zsh"}),
                         "share/zsh/site-functions/_zloom" in names)
        self.assertIn("zloom ", run(self.prefix / "bin/zloom", "version", env=self.env).stdout)

    def test_the_library_shows_what_the_header_declares(self):
        rows = run("nm", "-D", "--defined-only", self.lib / "libzloom.so").stdout.splitlines()
        shown = {row.split()[-1].split("@")[0] for row in rows if row.split()[-2] != "A"}
        declared = installed.declared()
        self.assertGreater(len(declared), 40)
        self.assertEqual(shown, declared)
        soname = re.search(r"SONAME +(\S+)",
                           run("objdump", "-p", self.lib / "libzloom.so").stdout).group(1)
        self.assertRegex(soname, r"^libzloom\.so\.\d+\.\d+$")
        self.assertTrue((self.lib / soname).exists())

    def test_the_readme_by_pkg_config(self):
        program = self.compile(self.greet())
        done = run(program, cwd=self.place, env=self.env)
        self.assertEqual(done.stdout, "hello, world\n")
        self.assertEqual(done.stderr, "")
        self.assertLessEqual(len([line for line in readme("c").splitlines() if line]), 32)

    def test_programs_by_find_package(self):
        self.greet()
        shutil.copy(HERE / "host.c", self.place)
        (self.place / "CMakeLists.txt").write_text(PROJECT % self.version())
        build = self.place / "build"
        run(CMAKE, "-S", self.place, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DCMAKE_C_COMPILER={COMPILER}", "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror",
            env=self.env)
        run(CMAKE, "--build", build, env=self.env)
        done = run(build / "greet", cwd=self.place, env=self.env)
        self.assertEqual(done.stdout, "hello, world\n")
        done = run(build / "host", self.place / "state", cwd=self.place, env=self.env)
        self.assertEqual(done.stdout, "the host is as it was\n")
        self.assertEqual(done.stderr, "")

    def version(self):
        return self.pkg_config("--modversion", "zloom")[0]

    def test_another_version_is_refused(self):
        for version in ("0.999", "99.0"):
            (self.place / "CMakeLists.txt").write_text(PROJECT % version)
            done = subprocess.run(
                [CMAKE, "-S", self.place, "-B", self.place / "build",
                 f"-DCMAKE_PREFIX_PATH={self.prefix}"], env=self.env, check=False,
                capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("version", done.stderr)

    def test_a_host_with_czmq_of_its_own(self):
        program = self.compile(HERE / "host.c", *self.pkg_config("--cflags", "--libs", "libczmq"))
        done = run(program, self.place / "state", cwd=self.place, env=self.env)
        self.assertEqual(done.stdout, "the host is as it was\n")
        self.assertEqual(done.stderr, "")

    def test_cxx(self):
        compiler = shutil.which("c++")
        if not compiler:
            self.skipTest("no C++ compiler")
        source = self.place / "version.cpp"
        source.write_text('#include <zloom.h>\n#include <iostream>\n'
                          "int main () { std::cout << zloom_err_text (ZLOOM_FULL) << '\\n'; }\n")
        run(compiler, "-Wall", "-Wextra", "-Werror", source, "-o", self.place / "version",
            *self.pkg_config("--cflags", "--libs", "zloom"), env=self.env)
        self.assertEqual(run(self.place / "version", env=self.env).stdout, "flow is full\n")

    def test_workers_find_spawner_and_helpers(self):
        """Both lie where they were installed, which neither program nor build knows."""
        (self.place / "shout.py").write_text(SCRIPT)
        (self.place / "in.txt").write_text("one\ntwo\n")
        (self.place / "shout.yaml").write_text(
            "zloom: 1\nname: shout\nnodes:\n"
            "  in: {kind: poller, file: {path: in.txt, format: lines}}\n"
            "  shout: {kind: worker, run: [/usr/bin/python3, shout.py], io: frames}\n"
            "  out: {kind: sink, file: {path: out.txt}}\n"
            "flows:\n"
            "  words: {pattern: queue, from: in, to: shout, dead_letter: dead}\n"
            "  loud: {pattern: queue, from: shout, to: out, dead_letter: dead}\n"
            "  dead: {pattern: queue, to: external}\n")
        source = self.place / "job.c"
        source.write_text(
            "#include <stdio.h>\n#include <zloom.h>\n"
            "int main (void)\n{\n"
            "    const zloom_app_config_t config = {.until_idle = true};\n"
            "    zloom_app_t *app = zloom_app_new (&config);\n"
            '    zloom_err_t err = zloom_app_load (app, "shout.yaml");\n'
            "    err = err ? err : zloom_app_start (app);\n"
            "    err = err ? err : zloom_app_wait (app, zloom_deadline (60000));\n"
            '    fputs (err ? zloom_note () : "", stderr);\n'
            "    zloom_app_destroy (&app);\n"
            "    return err != ZLOOM_OK;\n}\n")
        run(self.compile(source), cwd=self.place, env=self.env)
        self.assertEqual(sorted((self.place / "out.txt").read_text().split()), ["ONE", "TWO"])
        (self.place / "out.txt").unlink()
        run(self.prefix / "bin/zloom", "run", "shout.yaml", "--until-idle", "--state",
            self.place / "other", cwd=self.place, env=self.env)
        self.assertEqual(sorted((self.place / "out.txt").read_text().split()), ["ONE", "TWO"])

    def test_workers_in_other_languages_are_found(self):
        """The helpers of sh and Node.js, the sh helper's program, and jq's module."""
        (self.place / "in.txt").write_text('{"a":1}\n')
        (self.place / "shout.sh").write_text(
            '. "$ZLOOM_HELPERS/zloom.sh"\n'
            "shout () { tr a-z A-Z | zloom_emit; }\nzloom_run shout\n")
        (self.place / "shout.js").write_text(
            "const zloom = require('zloom');\n"
            "zloom.run((message) => message.text().toUpperCase());\n")
        handlers = ["run: [sh, shout.sh], io: frames", "jq: '{A: .a}'"]
        handlers += ["run: [node, shout.js], io: frames"] if shutil.which("node") else []
        for number, handler in enumerate(handlers):
            (self.place / "shout.yaml").write_text(
                "zloom: 1\nname: shout\nnodes:\n"
                "  in: {kind: poller, file: {path: in.txt}}\n"
                f"  shout: {{kind: worker, {handler}}}\n"
                f"  out: {{kind: sink, file: {{path: out{number}.txt}}}}\n"
                "flows:\n"
                "  words: {pattern: queue, from: in, to: shout, dead_letter: dead}\n"
                "  loud: {pattern: queue, from: shout, to: out, dead_letter: dead}\n"
                "  dead: {pattern: queue, to: external}\n")
            run(self.prefix / "bin/zloom", "run", "shout.yaml", "--until-idle", "--state",
                self.place / f"state{number}", cwd=self.place, env=self.env)
            self.assertEqual((self.place / f"out{number}.txt").read_text(), '{"A":1}\n', handler)

    def test_destdir(self):
        run(CMAKE, "--install", installed.BUILD, "--prefix", "/usr",
            env={**self.env, "DESTDIR": str(self.place / "root")})
        root = self.place / "root" / "usr"
        lib = next(root.rglob("libzloom.so")).parent
        env = {**self.env, "PKG_CONFIG_PATH": str(lib / "pkgconfig"),
               "LD_LIBRARY_PATH": str(lib)}
        flags = run("pkg-config", "--cflags", "--libs", "zloom", env=env).stdout
        self.assertIn(str(root), str(flags.replace("/lib/x86_64-linux-gnu/pkgconfig/../../..", "")))
        self.env = env
        self.assertEqual(run(self.compile(self.greet()), cwd=self.place,
                             env={**env, "ZLOOM_STATE": str(self.place / "state")}).stdout,
                         "hello, world\n")


if __name__ == "__main__":
    installed.main()
