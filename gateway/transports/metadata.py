"""Addresses that nothing connects to, whatever names them: those of the link, where clouds tell secrets.

Administrators may name servers in private networks, and a name may lead elsewhere at every look. So it is
asked where any connection of this process is made, after names were resolved (PEP 578). libpq and the object
store, which no page can direct, connect by themselves.
"""

from __future__ import annotations

import errno
import sys
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NEVER = [
    ip_network(one)
    for one in (
        *("169.254.0.0/16", "fe80::/10"),  # RFC 3927, RFC 4291; most clouds have 169.254.169.254
        *("fd00:ec2::/32", "fd20:ce::/32"),  # AWS and Google over IPv6
        *("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),  # Alibaba, Azure, Oracle
    )
]
_NAT64 = ip_network("64:ff9b::/96")


class NeverError(OSError):
    """Somebody asked for such an address."""


def is_never(address: str) -> bool:
    """Whether nothing connects to an address, also where it stands in one of IPv6; other text is none."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inner = IPv4Address(int(found) & 0xFFFF_FFFF) if found in _NAT64 else None
        found = found.ipv4_mapped or found.sixtofour or inner or found
    return any(found in one for one in _NEVER)


@cache
def refuse() -> None:
    """From now on connections of this process to such addresses raise NeverError."""
    sys.addaudithook(_hook)


def _hook(event: str, about: tuple[object, ...]) -> None:
    if event == "socket.connect" and isinstance(place := about[1], tuple) and is_never(str(place[0])):
        words = f"{place[0]} is no partner's: machines and clouds keep it to themselves. Name another address"
        raise NeverError(errno.EACCES, words)
