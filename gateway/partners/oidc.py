"""Log-in by an OpenID provider of the company: who it is, and which roles its groups have."""

from __future__ import annotations

from dataclasses import field
from urllib.parse import urlsplit

from gateway.partners.agreement import setting
from gateway.partners.as2 import checked_reference, checked_url, chosen

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ROLES = ("viewer", "operator", "auditor", "administrator")


@setting
class Oidc:
    """Log-in by an OpenID provider of the company; needs ``pip install edi-gateway[oidc]``.

    Attributes:
        issuer: URL of the provider, without ``/.well-known``. client_id: as the provider knows us.
        client_secret: a reference; empty for a client without one.
        name: on the button of the page.
        groups_claim: claim with the groups of a user. roles: a role by group, as ``operator`` or
            ``operator:acme`` for one partner.
        create: whether the provider says who may do what: whoever has a group of ``roles`` becomes a user and
            has its roles at each log-in. Otherwise only users log in who are linked by an administrator.
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    name: str = "Single sign-on"
    groups_claim: str = "groups"
    roles: dict[str, str] = field(default_factory=dict)
    create: bool = False

    def __post_init__(self) -> None:
        checked_url(self.issuer)
        if self.issuer.startswith("http:") and urlsplit(self.issuer).hostname not in _LOOPBACK:
            raise ValueError("issuer: only https, as the log-in depends on it")
        if self.client_secret:
            checked_reference(self.client_secret)
        chosen("roles", (one.partition(":")[0] for one in self.roles.values()), _ROLES)
        if self.create and not self.roles:
            raise ValueError("create: write under roles which group has which role")
