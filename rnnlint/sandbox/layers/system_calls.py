"""System calls by number, for the two machines that rnnlint knows: x86-64 and aarch64."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from typing import Any

from . import LayerMissingError

_MACHINES = {"x86_64": 0, "aarch64": 1}

# Name: number on x86-64, number on aarch64 (None where the machine has no such call).
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "open": (2, None), "ioctl": (16, 29), "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195),
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "sendmsg": (46, 211),
    "recvmsg": (47, 212), "bind": (49, 200), "listen": (50, 201), "socketpair": (53, 199),
    "clone": (56, 220), "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "kill": (62, 129),
    "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191), "msgget": (68, 186), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "msgctl": (71, 187), "fcntl": (72, 25), "truncate": (76, 45), "rename": (82, None),
    "mkdir": (83, None), "rmdir": (84, None), "creat": (85, None), "link": (86, None), "unlink": (87, None),
    "symlink": (88, None), "chmod": (90, None), "fchmod": (91, 52), "chown": (92, None), "fchown": (93, 55),
    "lchown": (94, None), "ptrace": (101, 117), "syslog": (103, 116), "setuid": (105, 146),
    "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143), "setgroups": (116, 159),
    "setresuid": (117, 147), "setresgid": (119, 149), "setfsuid": (122, 151), "setfsgid": (123, 152),
    "capset": (126, 91), "rt_sigqueueinfo": (129, 138), "utime": (132, None), "mknod": (133, None),
    "personality": (135, 92), "setpriority": (141, 140), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "modify_ldt": (154, None), "pivot_root": (155, 41),
    "prctl": (157, 167), "chroot": (161, 51), "sync": (162, 81), "acct": (163, 89),
    "settimeofday": (164, 170), "mount": (165, 40), "umount2": (166, 39), "swapon": (167, 224),
    "swapoff": (168, 225), "reboot": (169, 142), "sethostname": (170, 161), "setdomainname": (171, 162),
    "iopl": (172, None), "ioperm": (173, None), "init_module": (175, 105), "delete_module": (176, 106),
    "quotactl": (179, 60), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "tkill": (200, 130),
    "sched_setaffinity": (203, 122), "io_setup": (206, 0), "semtimedop": (220, 192), "tgkill": (234, 131),
    "utimes": (235, None), "mq_open": (240, 180), "mq_unlink": (241, 181), "mq_notify": (244, 184),
    "kexec_load": (246, 104), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "ioprio_set": (251, 30), "inotify_init": (253, None), "migrate_pages": (256, 238), "openat": (257, 56),
    "mkdirat": (258, 34), "mknodat": (259, 33), "fchownat": (260, 54), "futimesat": (261, None),
    "unlinkat": (263, 35), "renameat": (264, 38), "linkat": (265, 37), "symlinkat": (266, 36),
    "fchmodat": (268, 53), "unshare": (272, 97), "splice": (275, 76), "tee": (276, 77),
    "vmsplice": (278, 75), "move_pages": (279, 239), "utimensat": (280, 88), "accept4": (288, 242),
    "inotify_init1": (294, 26), "rt_tgsigqueueinfo": (297, 240), "perf_event_open": (298, 241),
    "fanotify_init": (300, 262), "prlimit64": (302, 261), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "syncfs": (306, 267), "setns": (308, 268),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "finit_module": (313, 273), "sched_setattr": (314, 274), "renameat2": (316, 276), "seccomp": (317, 277),
    "memfd_create": (319, 279), "kexec_file_load": (320, 294), "bpf": (321, 280), "execveat": (322, 281),
    "userfaultfd": (323, 282), "pidfd_send_signal": (424, 424), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "pidfd_open": (434, 434), "clone3": (435, 435), "openat2": (437, 437),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "mount_setattr": (442, 442),
    "landlock_create_ruleset": (444, 444), "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446), "memfd_secret": (447, 447), "process_mrelease": (448, 448),
    "fchmodat2": (452, 452), "setxattrat": (463, 463), "removexattrat": (466, 466),
    "open_tree_attr": (467, 467),
}  # fmt: skip


@cache
def machine() -> int:
    """The column of :data:`NUMBERS`. Raises :class:`LayerMissingError` on other machines and systems."""
    if sys.platform != "linux":
        raise LayerMissingError("only Linux has it")
    name = platform.machine()
    if name not in _MACHINES or ctypes.sizeof(ctypes.c_void_p) != 8:
        raise LayerMissingError(f"its table for {name} has not been written")
    return _MACHINES[name]


def call(name: str, *arguments: Any) -> int:
    """Make a system call. Raises OSError where it fails, :class:`LayerMissingError` where it cannot be
    made.
    """
    number = NUMBERS[name][machine()]
    if number is None:
        raise LayerMissingError(f"this machine has no {name}")
    result: int = _library().syscall(ctypes.c_long(number), *map(_argument, arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _argument(value: Any) -> Any:
    return ctypes.c_long(value) if isinstance(value, int) else value
