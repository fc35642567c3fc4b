"""Seccomp: a filter that refuses the system calls a gradient never needs.

Refused are new processes and programs, sockets, signals to and memory of others, mounts and namespaces, other
users, and whatever changes a file: opening for writing is refused too, so that files are safe where Landlock
is missing.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Iterator
from functools import cache

from . import Grant, LayerMissingError
from .system_calls import NUMBERS, call, machine

_ARCHITECTURES = (0xC000003E, 0xC00000B7)  # x86-64, aarch64
_X32 = 0x40000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_SET_MODE_FILTER = 1
_PR_SET_NO_NEW_PRIVS = 38

_REFUSED = """
    clone fork vfork execve execveat
    socket socketpair connect accept accept4 bind listen sendmsg recvmsg
    ptrace process_vm_readv process_vm_writev kcmp process_madvise process_mrelease
    tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal pidfd_getfd
    mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr
    open_tree_attr
    unshare setns setuid setgid setreuid setregid setgroups setresuid setresgid setfsuid setfsgid capset
    creat truncate rename renameat renameat2 mkdir mkdirat rmdir link linkat unlink unlinkat symlink symlinkat
    mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat
    utime utimes futimesat utimensat
    setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat
    shmget shmat shmctl semget semctl semop semtimedop msgget msgctl msgsnd msgrcv mq_open mq_unlink mq_notify
    memfd_create memfd_secret inotify_init inotify_init1 splice tee vmsplice sync syncfs syslog
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler setpriority ioprio_set
    bpf perf_event_open userfaultfd io_setup io_uring_setup io_uring_enter io_uring_register
    add_key request_key keyctl name_to_handle_at open_by_handle_at fanotify_init quotactl
    init_module finit_module delete_module kexec_load kexec_file_load reboot acct swapon swapoff
    sethostname setdomainname settimeofday personality modify_ldt iopl ioperm migrate_pages move_pages
""".split()
_UNKNOWN = ("clone3", "openat2")  # callers fall back to what the filter can look into
_OF_ANOTHER = {"fcntl": (8, 10, 15), "ioctl": (0x5412, 0x541C, 0x8901, 0x8902)}
"""What a descriptor can be told that reaches other processes: whom to signal and how (F_SETOWN, F_SETSIG,
F_SETOWN_EX, FIOSETOWN, SIOCSPGRP), what to have typed (TIOCSTI, TIOCLINUX).
"""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Seccomp:
    """System calls."""

    name = "seccomp"

    def prepare(self, grant: Grant) -> None:
        """Assemble what is the same for every child (in the zygote). Raises :class:`LayerMissingError`."""
        _refusals(machine())

    def enter(self, grant: Grant) -> None:
        program = assembled(machine(), os.getpid())
        instructions = ctypes.create_string_buffer(program, len(program))
        header = ctypes.create_string_buffer(
            struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(instructions)), 16
        )
        try:
            call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            call("seccomp", _SET_MODE_FILTER, 0, header)
        except OSError as error:
            raise LayerMissingError(f"the kernel does not offer it ({error.strerror})") from None
        _attempt_forbidden()


def assembled(column: int, own_pid: int) -> bytes:
    """The filter for a machine (its column of the table) and a process, as the kernel takes it."""
    return _refusals(column) + b"".join(_questions(column, own_pid))


@cache
def _refusals(column: int) -> bytes:
    """What depends on nothing but the call's number."""
    return b"".join(_by_number(column))


def _by_number(column: int) -> Iterator[bytes]:
    yield _instruction(_LOAD, _ARCHITECTURE)
    yield _instruction(_EQUAL, _ARCHITECTURES[column], skip_if_true=1)
    yield _returning(errno.EPERM)
    yield _instruction(_LOAD, _NUMBER)
    if column == 0:
        yield _instruction(_AT_LEAST, _X32, skip_if_false=1)
        yield _returning(errno.ENOSYS)
    yield from _refusing(column, _UNKNOWN, errno.ENOSYS)
    yield from _refusing(column, _REFUSED, errno.EPERM)


def _questions(column: int, own_pid: int) -> Iterator[bytes]:
    """What depends on a call's arguments: files may be opened for reading, signals sent to oneself."""
    for name, place in (("open", 1), ("openat", 2)):
        yield from _looking_into(column, name, place, _instruction(_ANY_OF, _WRITING, skip_if_false=1))
    for name in ("kill", "tgkill"):
        yield from _looking_into(column, name, 0, _instruction(_EQUAL, own_pid, skip_if_true=1))
    yield from _looking_into(column, "prlimit64", 0, _instruction(_EQUAL, 0, skip_if_true=1))
    for name, orders in _OF_ANOTHER.items():
        for order in orders:
            yield from _looking_into(column, name, 1, _instruction(_EQUAL, order, skip_if_false=1))
    yield _instruction(_RETURN, _ALLOW)


def _refusing(column: int, names: Iterable[str], error: int) -> Iterator[bytes]:
    for name in names:
        number = NUMBERS[name][column]
        if number is not None:
            yield _instruction(_EQUAL, number, skip_if_false=1)
            yield _returning(error)


def _looking_into(column: int, name: str, place: int, test: bytes) -> Iterator[bytes]:
    """Refuse a call by the low half of its argument at ``place``; ``test`` skips the refusal."""
    number = NUMBERS[name][column]
    if number is not None:
        yield _instruction(_EQUAL, number, skip_if_false=4)
        yield _instruction(_LOAD, _FIRST_ARGUMENT + 8 * place)
        yield test
        yield _returning(errno.EPERM)
        yield _instruction(_LOAD, _NUMBER)


def _returning(error: int) -> bytes:
    return _instruction(_RETURN, _REFUSE | error)


def _instruction(code: int, operand: int, skip_if_true: int = 0, skip_if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, skip_if_true, skip_if_false, operand)


def _attempt_forbidden() -> None:
    for name, arguments in (
        ("socket", (1, 1, 0)),
        ("kill", (1, 0)),
        ("unshare", (0,)),
        ("execve", (0, 0, 0)),
    ):
        try:
            call(name, *arguments)
        except PermissionError:
            continue
        except OSError:
            pass
        raise LayerMissingError(f"{name} could be called all the same")
    try:
        os.fork() or os._exit(0)
    except PermissionError:
        return
    raise LayerMissingError("it could fork all the same")
