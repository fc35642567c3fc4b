"""The walls hold: every forbidden act fails inside a child, with all layers and with each one alone missing.

The acts are harmless where they succeed: they touch a folder, a listener and a process that belong to the
test.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rnnlint
from rnnlint.sandbox import LAYERS, Runner
from rnnlint.sandbox.job import Failure, Job, Module, Outcome, Scenario


def everything_stands() -> bool:
    with Runner() as runner:
        return not runner.missing_layers


pytestmark = pytest.mark.skipif(not everything_stands(), reason="this machine does not offer every layer")


def act(runner: Runner, program: str, seconds: float = 10.0, **holes: Any) -> Outcome:
    module = Module("entry.py", textwrap.dedent(program))
    scenario = Scenario("done = act()", holes=holes, returns=("done",))
    return runner.run(Job((module,), 0, (scenario,), seconds=seconds))


def attempt(runner: Runner, statement: str, **names: Any) -> str:
    """The exception's name that a statement ends in, or "done"."""
    program = """
        import ctypes, io, os, signal, socket, subprocess, sys
        libc = ctypes.CDLL(None, use_errno=True)
        def checked(result):
            if result < 0:
                raise OSError(ctypes.get_errno(), "refused")
        def attempt(statement, names):
            try:
                exec(statement, globals(), names)
            except BaseException as error:
                return type(error).__name__
            return "done"
        def act():
            return attempt(statement, names)
        """
    outcome = act(runner, program, statement=statement, names=names)
    assert outcome.trouble is None, outcome.trouble
    assert outcome.runs[0].trouble is None, outcome.runs[0].trouble
    said = outcome.runs[0].values[0]
    assert isinstance(said, str)
    return said


@pytest.fixture(scope="module", params=[None, *LAYERS], ids=lambda name: f"without {name}" if name else "all")
def walled(request: pytest.FixtureRequest) -> Iterator[Runner]:
    with Runner(without=[request.param] if request.param else []) as runner:
        assert {name for name, _ in runner.missing_layers} == ({request.param} if request.param else set())
        assert set(runner.layers) - {"bubblewrap"} == set(LAYERS) - {request.param}
        yield runner


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that anyone might write to."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    tmp_path.chmod(0o777)
    file = tmp_path / "canary"
    file.write_text("alive")
    file.chmod(0o666)
    return file


WRITES = {
    "open": "os.open(path, os.O_WRONLY)",
    "truncate": "os.truncate(path, 0)",
    "io": "io.open(path, 'w')",
    "create": "os.open(path + '2', os.O_CREAT | os.O_WRONLY)",
    "remove": "os.unlink(path)",
    "rename": "os.rename(path, path + '2')",
    "link": "os.link(path, path + '2')",
    "symlink": "os.symlink('/', path + '2')",
    "folder": "os.mkdir(path + '2')",
    "fifo": "os.mkfifo(path + '2')",
    "mode": "os.chmod(path, 0)",
    "times": "os.utime(path, (0, 0))",
    "attribute": "os.setxattr(path, 'user.left', b'1')",
}


def test_nothing_is_written(walled: Runner, canary: Path) -> None:
    before = canary.stat()
    for name, write in WRITES.items():
        assert attempt(walled, write, path=str(canary)) != "done", name
        assert canary.read_text() == "alive", name
        assert [path.name for path in canary.parent.iterdir()] == ["canary"], name
    after = canary.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


READS = {
    "users": "/etc/passwd",
    "the folder": "/",
    "itself": "/proc/self/maps",
    "the first process": "/proc/1/cmdline",
    "rnnlint": str(Path(rnnlint.__file__)),
    "the guest": str(Path(rnnlint.__file__).parent / "guest" / "serve.py"),
}


def test_nothing_but_the_interpreter_is_read(canary: Path) -> None:
    with Runner() as runner:
        for path in (*READS.values(), str(canary)):
            said = attempt(runner, "os.open(path, os.O_RDONLY)", path=path)
            assert said in ("PermissionError", "FileNotFoundError"), (
                path
            )  # bubblewrap hides, Landlock refuses


def test_the_standard_library_and_numpy_are_still_read() -> None:
    program = """
        def act():
            import difflib, fractions, statistics, unittest.mock, xml.dom.minidom
            import numpy.polynomial, numpy.fft, numpy.testing
            return statistics.mean([1, 3])
        """
    with Runner() as runner:
        outcome = act(runner, program)
    assert outcome.runs[0].trouble is None
    assert outcome.runs[0].values == (2,)


class TestNetwork:
    def test_tcp(self, walled: Runner) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0.2)
            port = listener.getsockname()[1]
            assert attempt(walled, "socket.create_connection(('127.0.0.1', port), 2)", port=port) != "done"
            with pytest.raises(TimeoutError):
                listener.accept()

    def test_udp(self, walled: Runner) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.settimeout(0.2)
            port = listener.getsockname()[1]
            attempt(
                walled,
                "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', port))",
                port=port,
            )
            with pytest.raises(TimeoutError):
                listener.recv(1)

    def test_abstract_sockets(self, walled: Runner) -> None:
        name = f"\0rnnlint-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(name)
            listener.listen()
            assert attempt(walled, "socket.socket(socket.AF_UNIX).connect(name)", name=name) != "done"


OTHERS = {
    "fork": "os.fork() or os._exit(0)",
    "thread": "__import__('_thread').start_new_thread(int, ())",
    "exec": "os.execv('/bin/true', ['true'])",
    "a program": "subprocess.run(['/bin/true'], check=True)",
    "signal the zygote": "os.kill(os.getppid(), signal.SIGCONT)",
    "signal everyone": "os.kill(-1, signal.SIGCONT)",
    "signal its group's others": "os.killpg(1, signal.SIGCONT)",
    "trace the zygote": "checked(libc.ptrace(16, os.getppid(), 0, 0))",
    "the zygote's memory": "os.open(f'/proc/{os.getppid()}/mem', os.O_RDWR)",
    "nested namespaces": "checked(libc.unshare(0x10000000))",
    "mount": "checked(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))",
    "another root": "checked(libc.chroot(b'/'))",
    "become root": "os.setuid(0) or os.seteuid(0) or checked(-1)",
    "more memory": "__import__('resource').setrlimit(9, (-1, -1))",
    "limits of the zygote": "__import__('resource').prlimit(os.getppid(), 7, (3, 3))",
    "anonymous files": "os.memfd_create('x')",
}


def test_others_are_out_of_reach() -> None:
    with Runner() as runner:
        for name, statement in OTHERS.items():
            assert attempt(runner, statement) != "done", name


def test_no_process_is_started_whichever_layer_is_missing(walled: Runner) -> None:
    assert attempt(walled, "os.fork() or os._exit(0)") != "done"


def test_the_hosts_processes_are_not_signalled(walled: Runner) -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        attempt(walled, "os.kill(pid, signal.SIGKILL)", pid=sleeper.pid)
        time.sleep(0.1)
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.fixture(scope="module")
def bare() -> Iterator[Runner]:
    with Runner(without=LAYERS) as runner:
        assert runner.layers == ()
        assert dict(runner.missing_layers).keys() == set(LAYERS)
        yield runner


class TestWithoutAnyLayer:
    """What the runner holds by itself."""

    def test_a_daemon_that_keeps_the_channel_open_does_not_hang_the_host(self, bare: Runner) -> None:
        program = """
            import os, select
            def act():
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        select.select([], [], [], 20)
                    os._exit(0)
                os._exit(0)
            """
        started = time.monotonic()
        outcome = act(bare, program, seconds=2)
        assert outcome.trouble is not None
        assert outcome.trouble.failure in (Failure.TIMEOUT, Failure.CRASH)
        assert time.monotonic() - started < 15
        assert act(bare, "def act():\n    return 1\n").runs[0].values == (1,)

    def test_what_a_child_leaves_running_is_ended(self, bare: Runner) -> None:
        program = """
            import os, select
            def act():
                pid = os.fork()
                if pid == 0:
                    os.setsid()
                    select.select([], [], [], 20)
                    os._exit(0)
                return pid
            """
        (pid,) = act(bare, program).runs[0].values
        os.kill(pid, 0)
        assert act(bare, "def act():\n    return 1\n").runs[0].values == (1,)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_a_zygote_that_was_killed_is_replaced(self, bare: Runner) -> None:
        act(bare, "import os, signal\ndef act():\n    os.kill(os.getppid(), signal.SIGKILL)\n")
        assert act(bare, "def act():\n    return 1\n").runs[0].values == (1,)
