"""A hook that refuses and notes every connection to another machine, and every look-up of one."""

import socket
import sys
from ipaddress import ip_address

#: Hosts of other machines that something tried to reach, with the event of Python that told.
ATTEMPTS = []

_CONNECTS = "socket.connect", "socket.sendto", "socket.sendmsg"
_LOOKS_UP = "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"
_THIS_MACHINE = {"", "localhost", "localhost.localdomain", socket.gethostname().lower()}


def stay_on_this_machine():
    """Raise from now on where Python code tries to reach another machine.

    The sockets of extension modules are not seen.
    """
    sys.addaudithook(_refuse)


def _refuse(event, arguments):
    if event in _CONNECTS:
        connection, address = arguments[:2]
        # To connect a datagram socket sends nothing: it is how a program asks for its own address.
        if event == "socket.connect" and connection.type == socket.SOCK_DGRAM:
            return
        host = address[0] if isinstance(address, tuple) else None
    elif event in _LOOKS_UP:
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        ATTEMPTS.append((event, host))
        raise ConnectionRefusedError(f"{event} to {host!r}, and tests stay on this machine.")


def _is_here(host):
    if host is None:  # a socket of the file system, or of any address of this machine
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return name.lower() in _THIS_MACHINE
    return address.is_loopback or address.is_unspecified
