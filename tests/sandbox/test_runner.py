"""Whatever the code in a child does, the host gets an outcome, within the deadline, and the next job is
unharmed.

Each hostile text bounds itself, so that it would do no harm where the sandbox failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

import numpy as np
import pytest

from rnnlint.guest.protocol import MAGIC, PREFIX, encode
from rnnlint.guest.records import to_tree
from rnnlint.sandbox import Runner
from rnnlint.sandbox.children import ZygoteProcess
from rnnlint.sandbox.job import Act, Failure, Job, Module, Outcome, Ran, Scenario


def run(runner: Runner, program: str, *returns: str, seconds: float = 10.0, memory_mb: int = 256) -> Outcome:
    module = Module("entry.py", textwrap.dedent(program), ("entry",))
    scenario = Scenario("act()", returns=returns)
    return runner.run(Job((module,), 0, (scenario,), seconds=seconds, memory_mb=memory_mb))


def assert_unharmed(runner: Runner) -> None:
    outcome = run(runner, "def act():\n    global x\n    x = 2\n", "x")
    assert outcome.trouble is None
    assert outcome.runs[0].values == (2,)


def failure(outcome: Outcome) -> Failure | None:
    trouble = outcome.trouble or outcome.runs[0].trouble
    return trouble.failure if trouble else None


def test_jobs_run_one_after_another(runner: Runner) -> None:
    for number in range(20):
        outcome = run(runner, f"def act():\n    global x\n    x = {number}\n", "x")
        assert outcome.runs[0].values == (number,)


def test_rlimits_are_in_force(runner: Runner) -> None:
    assert "rlimits" in runner.layers
    assert all(name not in runner.layers for name, _ in runner.missing_layers)


def test_an_endless_loop_is_a_timeout(runner: Runner) -> None:
    assert failure(run(runner, "def act():\n    while True: pass\n", seconds=0.5)) is Failure.TIMEOUT
    assert_unharmed(runner)


class TestOnABusyMachine:
    """What other processes take from a child does not count against its seconds, up to a bound."""

    BUSY = (
        "import time\ndef act():\n    end = time.monotonic() + {}\n    while time.monotonic() < end: pass\n"
    )

    @pytest.fixture
    def patient(self) -> Iterator[Runner]:
        with Runner(busy_machine=True) as runner:
            assert runner.layers
            yield runner

    def test_what_others_took_is_added(self, patient: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ZygoteProcess, "delay_of", lambda self, pid: 100.0)
        assert failure(run(patient, self.BUSY.format(0.9), seconds=0.5)) is None

    def test_where_others_took_nothing_nothing_is(
        self, patient: Runner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ZygoteProcess, "delay_of", lambda self, pid: 0.0)
        assert failure(run(patient, self.BUSY.format(20), seconds=0.5)) is Failure.TIMEOUT

    def test_it_has_a_bound(self, patient: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ZygoteProcess, "delay_of", lambda self, pid: 1e9)
        assert failure(run(patient, self.BUSY.format(20), seconds=0.5)) is Failure.TIMEOUT
        assert_unharmed(patient)

    def test_the_zygote_tells_it(self) -> None:
        zygote = ZygoteProcess(())
        try:
            child = zygote.fork()
            child.greet()
            assert 0.0 <= zygote.delay_of(child.pid) < 60.0
        finally:
            zygote.close()


class TestComputing:
    """A child may be ended by what it computes, before its seconds are over."""

    MOST = 0.5

    def test_more_than_it_may_is_a_timeout(self, runner: Runner) -> None:
        assert failure(self.computing(runner, burning=3.0)) is Failure.TIMEOUT
        assert_unharmed(runner)

    def test_waiting_is_no_computing(self, runner: Runner) -> None:
        assert failure(self.computing(runner, waiting=2 * self.MOST)) is None

    def test_what_earlier_jobs_computed_does_not_count(self, runner: Runner) -> None:
        outcomes = [self.computing(runner, burning=0.6 * self.MOST, waiting=self.MOST) for _ in range(2)]
        assert [failure(outcome) for outcome in outcomes] == [None, None]

    def computing(self, runner: Runner, *, burning: float = 0.0, waiting: float = 0.0) -> Outcome:
        program = """
            import select, time
            def act(burning, waiting):
                end = time.process_time() + burning
                while time.process_time() < end: pass
                select.select([], [], [], waiting)
            """
        scenario = Scenario("act(burning, waiting)", {"burning": burning, "waiting": waiting})
        job = Job((Module("entry.py", textwrap.dedent(program), ("entry",)),), 0, (scenario,), seconds=60.0)
        return runner.run(job, most_computed=self.MOST)


def test_an_endless_loop_that_catches_everything_is_a_timeout(runner: Runner) -> None:
    program = """
        import signal
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        def act():
            while True:
                try:
                    while True: pass
                except BaseException: pass
        """
    assert failure(run(runner, program, seconds=0.5)) is Failure.TIMEOUT
    assert_unharmed(runner)


def test_waiting_for_ever_is_a_timeout(runner: Runner) -> None:
    program = "import select\ndef act():\n    select.select([], [], [], 20)\n"
    assert failure(run(runner, program, seconds=0.5)) is Failure.TIMEOUT


def test_runs_before_a_timeout_are_kept(runner: Runner) -> None:
    module = Module("entry.py", "def act(x):\n    while x: pass\n    return 1\n")
    scenarios = (Scenario("y = act(0)", returns=("y",)), Scenario("act(1)"))
    outcome = runner.run(Job((module,), 0, scenarios, seconds=0.5))
    assert outcome.trouble is not None
    assert outcome.trouble.failure is Failure.TIMEOUT
    assert outcome.runs[0].values == (1,)


@pytest.mark.parametrize(
    "bomb", ["np.ones(2**33)", "bytearray(2**33)", "[0] * 2**31", "[bytearray(2**24) for _ in range(256)]"]
)
def test_a_memory_bomb_is_a_memory_trouble(runner: Runner, bomb: str) -> None:
    assert failure(run(runner, f"import numpy as np\ndef act():\n    {bomb}\n")) is Failure.MEMORY
    assert_unharmed(runner)


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("os._exit(0)", "exit status 0"),
        ("os._exit(3)", "exit status 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("ctypes.string_at(0)", "SIGSEGV"),
        ("(sys.setrecursionlimit(10**9), act.__call__())", "SIG"),
    ],
)
def test_a_child_that_dies_is_a_crash_that_says_how(runner: Runner, ending: str, said: str) -> None:
    outcome = run(runner, f"import os, signal, sys, ctypes\ndef act():\n    {ending}\n")
    assert outcome.trouble is not None
    assert outcome.trouble.failure is Failure.CRASH or "recursion" in outcome.trouble.message
    assert said in outcome.trouble.message
    assert_unharmed(runner)


def test_leaving_while_loading_is_a_crash(runner: Runner) -> None:
    assert (
        failure(run(runner, "import os\nclass Net:\n    os._exit(0)\ndef act():\n    pass\n"))
        is Failure.CRASH
    )


def test_standard_output_is_kept_apart_and_bounded(runner: Runner) -> None:
    program = """
        import os, sys
        def act():
            print("x" * 10**6)
            os.write(1, b"noise" * 1000); os.write(2, b"noise")
            sys.__stdout__.write("more"); sys.stderr.write("e" * 10**6)
        """
    outcome = run(runner, program, "1")
    assert outcome.runs[0].values == (1,)
    assert set(outcome.stdout) == {"x"}
    assert len(outcome.stdout) <= 10_000


def _write_everywhere(payload: bytes) -> str:
    return f"""
        import os
        def act():
            for descriptor in range(3, 64):
                try:
                    os.write(descriptor, {payload!r})
                except OSError:
                    pass
            os._exit(0)
        """


FORGED = {
    "noise": b"noise" * 100,
    "a length of 3 GiB": PREFIX.pack(MAGIC, 3 * 2**30, 0),
    "another message": encode({"hello": 1}),
    "no message": encode([1, 2]),
    "a run of the wrong shape": encode({"run": {"values": 1}}),
    "a run with a number for a name": encode({"run": {**to_tree(Ran()), "calls": {"f": "many"}}}),
    "an unknown failure": encode({"done": {**to_tree(Outcome()), "trouble": {"failure": "none"}}}),
    "more runs than scenarios": encode({"run": to_tree(Ran())}) * 2,
    "more values than were asked for": encode({"run": to_tree(Ran(values=(1, 2, 3)))}),
}


@pytest.mark.parametrize("payload", FORGED.values(), ids=FORGED.keys())
def test_forged_frames_are_a_violation(runner: Runner, payload: bytes) -> None:
    assert failure(run(runner, _write_everywhere(payload), seconds=5)) is Failure.VIOLATION
    assert_unharmed(runner)


ATTEMPTED = {
    "import os\ntry: os.mkdir('/tmp/x')\nexcept OSError: pass": (Act.FILES,),
    "import numpy as np\ntry: np.save('/tmp/x', np.ones(2))\nexcept OSError: pass": (Act.FILES,),
    "import socket\ntry: socket.socket()\nexcept OSError: pass": (Act.NETWORK,),
    "import os\ntry: os.fork() or os._exit(0)\nexcept OSError: pass": (Act.PROCESSES,),
    "import os\ntry: os.kill(1, 0)\nexcept OSError: pass": (Act.SIGNALS,),
    "import ctypes\nctypes.CDLL(None)": (Act.FOREIGN_CODE,),
    "import subprocess, socket, ctypes, tempfile, multiprocessing, csv, numpy.linalg": (),
    "open('data.txt').read()\nprint('x')\nimport pickle; pickle.dumps([1])": (),
    "import numpy as np\ntry: np.load('/nowhere.npz')\nexcept OSError: pass": (),
}


@pytest.mark.parametrize(("text", "acts"), ATTEMPTED.items(), ids=lambda value: str(value)[:30])
def test_forbidden_acts_are_noticed(runner: Runner, text: str, acts: tuple[Act, ...]) -> None:
    program = "def act():\n" + textwrap.indent(text, "    ") + "\n"
    outcome = run(runner, program)
    assert outcome.trouble is None
    assert outcome.runs[0].trouble is None
    assert outcome.attempts == acts


def test_attempts_are_those_of_the_job(runner: Runner) -> None:
    text = "import os\ndef act(x):\n    try: x and os.mkdir('/tmp/x')\n    except OSError: pass\n"
    module = Module("entry.py", text)
    tried, calm = (runner.run(Job((module,), 0, (Scenario(f"act({x})"),))) for x in (1, 0))
    assert (tried.attempts, calm.attempts) == ((Act.FILES,), ())


def test_an_answer_that_breaks_off_is_a_crash(runner: Runner) -> None:
    begun = PREFIX.pack(MAGIC, 1000, 2**28)
    assert failure(run(runner, _write_everywhere(begun), seconds=5)) is Failure.CRASH
    assert_unharmed(runner)


def test_a_forged_answer_is_at_most_an_answer(runner: Runner) -> None:
    frames = encode({"run": to_tree(Ran(values=(np.zeros(2),)))}) + encode({"done": to_tree(Outcome())})
    outcome = run(runner, _write_everywhere(frames), "act()")
    assert outcome.trouble is None
    assert outcome.runs[0].values[0].tolist() == [0.0, 0.0]
    assert_unharmed(runner)


def test_an_endless_answer_is_ended(runner: Runner) -> None:
    program = f"""
        import os, time
        chunk = {encode({"run": to_tree(Ran())})!r} * 1000
        def act():
            until = time.monotonic() + 5
            while time.monotonic() < until:
                for descriptor in range(3, 64):
                    try: os.write(descriptor, chunk)
                    except OSError: pass
        """
    assert failure(run(runner, program)) is Failure.VIOLATION
    assert_unharmed(runner)


def test_a_daemon_that_keeps_the_channel_open_does_not_hang_the_host(runner: Runner) -> None:
    program = """
        import os, time
        def act():
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    for _ in range(20): time.monotonic() and os.sched_yield()
                    import select; select.select([], [], [], 20)
                os._exit(0)
            os._exit(0)
        """
    started = time.monotonic()
    assert failure(run(runner, program, seconds=2)) is not None
    assert time.monotonic() - started < 15
    assert_unharmed(runner)


def test_what_a_child_leaves_running_is_ended(runner: Runner) -> None:
    program = """
        import os, select
        def act():
            global pid
            pid = os.fork()
            if pid == 0:
                os.setsid()
                select.select([], [], [], 20)
                os._exit(0)
        """
    outcome = run(runner, program, "pid")
    if outcome.runs[0].trouble is not None:  # it could not fork in the first place
        assert outcome.runs[0].trouble.exception in ("BlockingIOError", "PermissionError")
        return
    assert_unharmed(runner)
    with pytest.raises(ProcessLookupError):
        os.kill(outcome.runs[0].values[0], 0)


def test_a_job_leaves_nothing_behind_for_the_next(runner: Runner) -> None:
    program = """
        import builtins, numpy as np, sys
        def act():
            builtins.left = 1; np.left = 1; sys.modules["left"] = sys
            np.tanh = None
        """
    run(runner, program)
    check = "import builtins, numpy as np, sys\ndef act():\n    pass\n"
    outcome = run(
        runner,
        check,
        "hasattr(builtins, 'left')",
        "hasattr(np, 'left')",
        "'left' in sys.modules",
        "float(np.tanh(0))",
    )
    assert outcome.runs[0].values == (False, False, False, 0.0)


def test_the_child_sees_no_environment_arguments_or_descriptors(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "1")
    program = """
        import os, sys
        def act():
            global opened
            opened = []
            for descriptor in range(64):
                try: os.fstat(descriptor)
                except OSError: continue
                opened.append(descriptor)
        """
    with Runner() as fresh:
        outcome = run(fresh, program, "'SECRET' in os.environ", "sys.argv", "len(opened)", "os.getcwd()")
    secret, arguments, opened, folder = outcome.runs[0].values
    assert (secret, arguments, folder) == (False, [""], "/")
    assert opened == 4  # input, output, errors, and the channel


def test_a_zygote_that_died_is_replaced(runner: Runner) -> None:
    program = "import os, signal\ndef act():\n    os.kill(os.getppid(), signal.SIGKILL)\n    return 1\n"
    with Runner() as fresh:
        run(fresh, program)
        assert_unharmed(fresh)


def test_a_runner_that_is_only_started_ends_quickly_and_quietly() -> None:
    text = "from rnnlint.sandbox import Runner\nwith Runner(): pass\nRunner().start().close()\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_importing_the_sandbox_imports_no_numpy() -> None:
    text = "import rnnlint.sandbox as s, sys\ns.Runner().start().close()\nprint('numpy' in sys.modules)\n"
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"


class TestReuse:
    MODULE = Module(
        "entry.py",
        "import os\nseen = []\ndef act(x):\n    seen.append(x)\n    return os.getpid(), len(seen)\n",
    )

    def act(self, runner: Runner, module: Module = MODULE) -> tuple[int, int]:
        outcome = runner.run(Job((module,), 0, (Scenario("r = act(1)", returns=("r",)),)))
        pid, seen = outcome.runs[0].values[0]
        return pid, seen

    def test_the_same_files_are_loaded_once_and_start_anew(self) -> None:
        with Runner() as fresh:
            first, second = self.act(fresh), self.act(fresh)
            other = self.act(fresh, Module("other.py", self.MODULE.text))
        assert first == second
        assert first[1] == 1
        assert other[0] != first[0]

    def test_without_reuse_every_job_has_its_own_child(self) -> None:
        with Runner(reuse=False) as fresh:
            assert self.act(fresh)[0] != self.act(fresh)[0]

    def test_what_a_scenario_imports_starts_anew(self, runner: Runner) -> None:
        entry = Module(
            "entry.py",
            "def act():\n    import counter\n    counter.calls.append(1)\n    return len(counter.calls)\n",
        )
        modules = (entry, Module("counter.py", "calls = []\n", ("counter",)))
        scenario = Scenario("r = act()", returns=("r",))
        for _ in range(2):
            outcome = runner.run(Job(modules, 0, (scenario, scenario)))
            assert [ran.values for ran in outcome.runs] == [(1,), (1,)]

    def test_notes_and_output_are_of_the_job(self, runner: Runner) -> None:
        module = Module(
            "entry.py", "import numpy as np\ndef act(x):\n    print(x)\n    if x == 1: np.float32(1)\n"
        )
        first, second = (runner.run(Job((module,), 0, (Scenario(f"act({x})"),))) for x in (1, 2))
        assert (first.stdout, second.stdout) == ("1\n", "2\n")
        assert any("float32" in note for note in first.notes)
        assert second.notes == ()

    def test_a_child_spoilt_by_earlier_scenarios_is_replaced(self, runner: Runner) -> None:
        text = "import os, sys\ndef act(x):\n    if hasattr(sys, 'spoilt'): os._exit(1)\n"
        text += "    sys.spoilt = True\n    return x\n"
        for x in (1, 2):
            outcome = runner.run(
                Job((Module("entry.py", text),), 0, (Scenario(f"r = act({x})", returns=("r",)),))
            )
            assert outcome.trouble is None
            assert outcome.runs[0].values == (x,)

    def test_after_a_timeout_the_same_files_run_again(self, runner: Runner) -> None:
        module = Module("entry.py", "def act(x):\n    while x: pass\n")
        stuck = runner.run(Job((module,), 0, (Scenario("act(1)"),), seconds=0.5))
        assert stuck.trouble is not None
        assert runner.run(Job((module,), 0, (Scenario("act(0)"),))).trouble is None


def test_an_import_for_the_first_time_is_no_attempt_to_write(runner: Runner) -> None:
    """A library whose bytecode nobody has kept yet: importing it would keep it, beside it."""
    outcome = run(runner, "import sys\ndef act():\n    global x\n    x = sys.dont_write_bytecode\n", "x")
    assert outcome.runs[0].values == (True,)
