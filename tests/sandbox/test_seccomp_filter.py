"""The filter, run here instruction by instruction: so the table of the machine that is not at hand is too.

The numbers are those of the kernel's own tables (arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h), written down apart from the filter's.
"""

from __future__ import annotations

import errno
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnlint.sandbox.layers.seccomp import assembled
from rnnlint.sandbox.layers.system_calls import NUMBERS

X86_64, AARCH64 = 0, 1
MACHINES = {X86_64: 0xC000003E, AARCH64: 0xC00000B7}
ALLOW = 0x7FFF0000
OWN_PID = 4711


def decided(machine: int, number: int, *arguments: int, seen_as: int | None = None) -> int:
    """What the filter returns for a call: 0 where it may go on, else the error's number."""
    returned = _returned(assembled(machine, OWN_PID), _data(seen_as or MACHINES[machine], number, arguments))
    if returned == ALLOW:
        return 0
    assert returned >> 16 == 0x0005, hex(returned)  # SECCOMP_RET_ERRNO
    return returned & 0xFFFF


def _data(architecture: int, number: int, arguments: tuple[int, ...]) -> bytes:
    """The kernel's struct seccomp_data."""
    padded = (*arguments, *[0] * (6 - len(arguments)))
    return struct.pack("=iIQ6Q", number, architecture, 0x1234, *(each % 2**64 for each in padded))


def _returned(program: bytes, data: bytes) -> int:
    """Classic BPF, as far as a filter of system calls may use it: loads, jumps forward, a return."""
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = 0
    position = 0
    while True:
        code, if_true, if_false, operand = instructions[position]
        position += 1
        match code:
            case 0x20:  # load a word of the data
                assert operand % 4 == 0
                (accumulator,) = struct.unpack_from("=I", data, operand)
            case 0x06:
                return int(operand)
            case 0x05:
                position += operand
            case 0x15 | 0x25 | 0x35 | 0x45:
                holds = {
                    0x15: accumulator == operand,
                    0x25: accumulator > operand,
                    0x35: accumulator >= operand,
                    0x45: bool(accumulator & operand),
                }[code]
                position += if_true if holds else if_false
            case _:
                raise AssertionError(f"no instruction of a filter: {code:#x}")


# Name: number on x86-64, on aarch64.
GOES_ON = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "mmap": (9, 222), "mprotect": (10, 226),
    "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "madvise": (28, 233), "getpid": (39, 172), "sendto": (44, 206), "recvfrom": (45, 207),
    "exit_group": (231, 94), "futex": (202, 98), "setitimer": (38, 103), "getrandom": (318, 278),
    "clock_gettime": (228, 113), "lseek": (8, 62), "getdents64": (217, 61),
}  # fmt: skip
REFUSED = {
    "clone": (56, 220), "execve": (59, 221), "execveat": (322, 281), "socket": (41, 198),
    "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept4": (288, 242), "sendmsg": (46, 211), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "tkill": (200, 130), "pidfd_open": (434, 434), "mount": (165, 40),
    "umount2": (166, 39), "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51),
    "setuid": (105, 146), "setresuid": (117, 147), "capset": (126, 91), "truncate": (76, 45),
    "unlinkat": (263, 35), "mkdirat": (258, 34), "renameat2": (316, 276), "linkat": (265, 37),
    "symlinkat": (266, 36), "fchmod": (91, 52), "fchownat": (260, 54), "utimensat": (280, 88),
    "setxattr": (188, 5), "shmget": (29, 194), "memfd_create": (319, 279), "bpf": (321, 280),
    "perf_event_open": (298, 241), "io_uring_setup": (425, 425), "keyctl": (250, 219),
    "kexec_load": (246, 104), "reboot": (169, 142), "init_module": (175, 105), "sethostname": (170, 161),
    "quotactl": (179, 60), "open_by_handle_at": (304, 265), "userfaultfd": (323, 282), "io_setup": (206, 0),
}  # fmt: skip
ONLY_ON_X86_64 = {"fork": 57, "vfork": 58, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "unlink": 87}


@pytest.mark.parametrize("machine", MACHINES)
class TestBothMachines:
    @pytest.mark.parametrize("name", GOES_ON)
    def test_what_a_gradient_needs_goes_on(self, machine: int, name: str) -> None:
        assert decided(machine, GOES_ON[name][machine], 1, 2, 3) == 0

    @pytest.mark.parametrize("name", REFUSED)
    def test_what_it_never_needs_is_refused(self, machine: int, name: str) -> None:
        assert decided(machine, REFUSED[name][machine]) == errno.EPERM

    @pytest.mark.parametrize("name", ["clone3", "openat2"])
    def test_what_cannot_be_looked_into_is_said_to_be_unknown(self, machine: int, name: str) -> None:
        number = {"clone3": 435, "openat2": 437}[name]
        assert decided(machine, number) == errno.ENOSYS

    def test_files_are_opened_for_reading_alone(self, machine: int) -> None:
        openat = (257, 56)[machine]
        assert decided(machine, openat, 0, 0, os.O_RDONLY | os.O_CLOEXEC) == 0
        for writing in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_RDONLY | os.O_TRUNC):
            assert decided(machine, openat, 0, 0, writing) == errno.EPERM

    def test_signals_go_to_itself_alone(self, machine: int) -> None:
        for number in ((62, 234), (129, 131))[machine]:  # kill, tgkill
            assert decided(machine, number, OWN_PID, 9) == 0
            for other in (1, 0, -1, -OWN_PID, OWN_PID + 1):
                assert decided(machine, number, other, 9) == errno.EPERM

    def test_limits_are_its_own_alone(self, machine: int) -> None:
        prlimit64 = (302, 261)[machine]
        assert decided(machine, prlimit64, 0, 7) == 0
        assert decided(machine, prlimit64, 1, 7) == errno.EPERM

    def test_descriptors_signal_nobody_and_type_nothing(self, machine: int) -> None:
        fcntl, ioctl = ((72, 16), (25, 29))[machine]
        assert decided(machine, fcntl, 3, 1) == 0  # F_GETFD
        assert decided(machine, ioctl, 3, 0x541B) == 0  # FIONREAD
        for command in (8, 10, 15):
            assert decided(machine, fcntl, 3, command) == errno.EPERM
        for request in (0x5412, 0x8901):
            assert decided(machine, ioctl, 3, request) == errno.EPERM

    def test_calls_of_another_machine_are_refused(self, machine: int) -> None:
        other = MACHINES[1 - machine]
        assert decided(machine, GOES_ON["read"][machine], seen_as=other) == errno.EPERM
        assert decided(machine, 1, seen_as=0x40000003) == errno.EPERM  # 32-bit x86

    def test_every_way_through_ends(self, machine: int) -> None:
        for number in range(600):
            decided(machine, number)


@pytest.mark.parametrize("name", ONLY_ON_X86_64)
def test_older_calls_of_x86_64_are_refused(name: str) -> None:
    assert decided(X86_64, ONLY_ON_X86_64[name]) == errno.EPERM


def test_the_x32_calls_of_x86_64_do_not_exist() -> None:
    assert decided(X86_64, 0x40000000 + 41) == errno.ENOSYS


HEADERS = {
    X86_64: Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    AARCH64: Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_table_is_the_kernels(machine: int) -> None:
    header = HEADERS[machine]
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    known = dict(_numbers(header.read_text(encoding="utf-8")))
    ours = {name: numbers[machine] for name, numbers in NUMBERS.items() if name in known}
    assert len(ours) > 100
    assert ours == {name: known[name] for name in ours}
    missing = {name for name, numbers in NUMBERS.items() if numbers[machine] is None}
    assert missing.isdisjoint(known)


def _numbers(header: str) -> Iterator[tuple[str, int]]:
    for name, number in re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", header, re.MULTILINE):
        yield name, int(number)
