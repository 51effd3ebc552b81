# SPDX-License-Identifier: MIT
"""Every setting that --help names is read, from the command line and from a file."""

import re

import pytest

from server import BINARY, run

TEXTS = {
    "listen": "127.0.0.1:9", "source": "sim:seed=7", "brokers": "a:1,b:2", "topic": "x,y", "from": "earliest",
    "log-level": "error", "kafka-property": "client.id=seven",
    "admin": "127.0.0.1:8", "tls-cert": "/a.pem", "tls-key": "/b.pem", "tls-min": "1.3", "allow-origin": "https://a.b",
    "archive": "/tapes",
}  # fmt: skip


def printed(*arguments):
    """The settings in force with these arguments."""
    done = run(BINARY, *arguments, "--print-config")
    assert done.returncode == 0, done.stderr
    return dict(line.split(" = ", 1) for line in done.stdout.splitlines() if " = " in line)


def named_by_help():
    done = run(BINARY, "--help")
    assert done.returncode == 0 and not done.stderr
    settings = done.stdout.split("settings:\n", 1)[1]
    return re.findall(r"^ +(?:-\w, )?--([a-z-]+)", settings, re.MULTILINE)


SETTINGS = named_by_help() if BINARY.exists() else []


def another(name):
    """A value that isn't the default."""
    default = printed().get(name, "")
    if default in ("true", "false"):
        return "true" if default == "false" else "false"
    if default.isdigit():
        candidates = [str(int(default) + 1), str(int(default) - 1)]
        return next(value for value in candidates if run(BINARY, f"--{name}={value}", "--print-config").returncode == 0)
    return TEXTS[name]


def test_help_names_the_settings():
    assert len(SETTINGS) > 25
    assert {"listen", "workers", "source", "brokers", "topic", "queue-frames"} <= set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_read_from_the_command_line_and_from_a_file(name, tmp_path):
    value = another(name)
    assert printed().get(name) != value
    assert printed(f"--{name}={value}")[name] == value
    path = tmp_path / "tapehead.conf"
    path.write_text(f"# a comment\n\n  {name}  =  {value}  \n")
    assert printed("--config", path)[name] == value


def test_the_command_line_wins_over_the_file_wherever_it_stands(tmp_path):
    path = tmp_path / "tapehead.conf"
    path.write_text("workers = 3\nqueue-frames = 99\n")
    for arguments in (["--config", path, "--workers", "5"], ["--workers", "5", "--config", path]):
        settings = printed(*arguments)
        assert settings["workers"] == "5" and settings["queue-frames"] == "99"


def test_what_is_printed_is_a_file_that_reads_the_same(tmp_path):
    path = tmp_path / "tapehead.conf"
    arguments = ["--workers", "5", "-X", "a.b=c d", "-X", "e=f=g", "--demo"]
    done = run(BINARY, *arguments, "--print-config")
    path.write_text(done.stdout)
    assert run(BINARY, "--config", path, "--print-config").stdout == done.stdout


@pytest.mark.parametrize(
    "text, line, named",
    [
        ("workers = 2\nno-such = 1\n", 2, "no-such"),
        ("# first\n\nworkers = many\n", 3, "workers"),
        ("workers = 2\nqueue-frames 10\n", 2, "queue-frames"),
        ("demo = perhaps\n", 1, "demo"),
        ("workers = 65\n", 1, "workers"),
        ("workers =\n", 1, "workers"),
        ("\x00\xff\n", 1, ""),
    ],
    ids=repr,
)
def test_an_error_in_a_file_names_file_line_and_setting(tmp_path, text, line, named):
    path = tmp_path / "tapehead.conf"
    path.write_bytes(text.encode("latin-1"))
    done = run(BINARY, "--config", path, "--print-config")
    assert done.returncode == 2 and f"{path}:{line}:" in done.stderr and named in done.stderr


def test_the_version_is_told():
    done = run(BINARY, "--version")
    assert done.returncode == 0 and re.fullmatch(r"tapehead \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("path, why", [("/no/such/folder", "No such file or directory"), ("/etc/passwd", "Not a directory")])
def test_an_archive_that_is_no_folder_is_refused_at_the_start(path, why):
    done = run(BINARY, "--source", "sim:", "--listen", "127.0.0.1:0", "--archive", path)
    assert done.returncode == 2 and f"setting 'archive': {path}: {why}" in done.stderr
