"""Runs a program under those settings of a systemd unit that are filters of system calls, without systemd.

    python3 confined.py UNIT [SETTING=VALUE…] -- PROGRAM [ARGUMENT…]

SystemCallFilter=, RestrictAddressFamilies= and MemoryDenyWriteExecute=, in systemd's meaning of them (systemd.exec(5)); which calls
its groups have, `systemd-analyze` says. SETTING=VALUE is in place of what the unit says. It becomes the program.
"""

import ctypes
import ctypes.util
import errno
import os
import socket
import subprocess
import sys

ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EPERM
UNKNOWN = -1
# How an argument is compared: enum scmp_compare of seccomp.h.
EQUAL, MASKED_EQUAL = 4, 7

PROT_WRITE, PROT_EXEC = 2, 4
SHM_EXEC = 0o100000


class Compare(ctypes.Structure):
    """struct scmp_arg_cmp"""

    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def library():
    name = ctypes.util.find_library("seccomp")
    if name is None:
        sys.exit("libseccomp is missing: install it (Debian: libseccomp2)")
    seccomp = ctypes.CDLL(name, use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    seccomp.seccomp_init.argtypes = [ctypes.c_uint32]
    seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
    seccomp.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Compare)]
    return seccomp


SECCOMP = library()


class Filter:
    """A filter that does `otherwise` with what no rule is about. All that are loaded hold; what one refuses is refused."""

    def __init__(self, otherwise):
        self.context = SECCOMP.seccomp_init(otherwise)

    def rule(self, action, name, *compares):
        number = SECCOMP.seccomp_syscall_resolve_name(name.encode())
        if number == UNKNOWN:
            return  # systemd knows calls of other processors and newer kernels.
        done = SECCOMP.seccomp_rule_add_array(self.context, action, number, len(compares), (Compare * len(compares))(*compares))
        # A call that this processor does not have cannot be made.
        if done not in (0, -errno.EDOM):
            sys.exit(f"no rule for {name}: {os.strerror(-done)}")

    def load(self):
        done = SECCOMP.seccomp_load(self.context)
        if done != 0:
            sys.exit(f"the filter is not taken: {os.strerror(-done)}")


def calls_of(group):
    """All calls of a group such as @system-service, or the one call that it is."""
    if not group.startswith("@"):
        return {group}
    try:
        said = subprocess.run(
            ["systemd-analyze", "--no-pager", "syscall-filter", group], check=True, text=True, stdout=subprocess.PIPE).stdout
    except FileNotFoundError:
        sys.exit("systemd-analyze is missing: install it (Debian: systemd)")
    members = [line.strip() for line in said.splitlines()[1:]]
    return set().union(*(calls_of(member) for member in members if member and not member.startswith("#")))


def settings_of(unit, instead):
    """Each setting with its values, in their order. An empty value forgets those before it."""
    settings = {}
    with open(unit, encoding="utf-8") as file:
        lines = [line.strip() for line in file if "=" in line and not line.startswith("#")]
    replaced = {setting.partition("=")[0] for setting in instead}
    for line in [line for line in lines if line.partition("=")[0] not in replaced] + instead:
        name, _, value = line.partition("=")
        settings.setdefault(name, []).append(value)
        if not value:
            settings[name] = []
    return settings


def calls(values):
    """SystemCallFilter=: the first line says whether it is a list of what is allowed; those with ~ take away."""
    allowed = calls_of("@default")
    for value in values:
        takes = value.startswith("~")
        for group in value.removeprefix("~").split():
            allowed = allowed - calls_of(group) if takes else allowed | calls_of(group)
    filter = Filter(REFUSE)
    for name in allowed:
        filter.rule(ALLOW, name)
    return filter


def families(values):
    """RestrictAddressFamilies=: all others are refused."""
    allowed = {int(getattr(socket, name)) for value in values for name in value.split()}
    filter = Filter(ALLOW)
    refused = [family for family in range(socket.AF_UNSPEC, 64) if family not in allowed]
    for family in refused:
        filter.rule(REFUSE, "socket", Compare(0, EQUAL, family, 0))
    return filter


def memory():
    """MemoryDenyWriteExecute=: nothing that can be written is or becomes executable."""
    filter = Filter(ALLOW)
    both = PROT_WRITE | PROT_EXEC
    filter.rule(REFUSE, "mmap", Compare(2, MASKED_EQUAL, both, both))
    for name in ("mprotect", "pkey_mprotect"):
        filter.rule(REFUSE, name, Compare(2, MASKED_EQUAL, PROT_EXEC, PROT_EXEC))
    filter.rule(REFUSE, "shmat", Compare(2, MASKED_EQUAL, SHM_EXEC, SHM_EXEC))
    return filter


def main():
    end = sys.argv.index("--")
    settings = settings_of(sys.argv[1], sys.argv[2:end])
    filters = [families(settings["RestrictAddressFamilies"])]
    if settings["MemoryDenyWriteExecute"] == ["yes"]:
        filters.append(memory())
    # The last one, since it refuses further filters.
    filters.append(calls(settings["SystemCallFilter"]))
    for filter in filters:
        filter.load()
    os.execv(sys.argv[end + 1], sys.argv[end + 1:])


main()
