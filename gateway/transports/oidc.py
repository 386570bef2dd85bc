"""Log-in by an OpenID provider: the authorization code flow with PKCE, state and nonce."""

from __future__ import annotations

import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode

import httpx

from gateway.errors import ConfigurationError, LogInError, TransportError

if TYPE_CHECKING:
    from gateway.partners.oidc import Oidc

COOKIE = "edigw_oidc"
_SCOPES = "openid profile email"
_LEEWAY_SECONDS, _TIMEOUT_SECONDS, _MAX_ANSWER = 120, 5.0, 1 << 20
_METADATA = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


@dataclass(frozen=True, slots=True)
class State:
    """What a browser keeps while it is at the provider; only it knows this. next: where it wanted to."""

    state: str
    nonce: str
    verifier: str
    next: str

    @classmethod
    def new(cls, wanted: str) -> State:
        """One that nobody can guess."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), wanted)

    @classmethod
    def of(cls, packed: str) -> State | None:
        """What a cookie holds; None if it is none of these."""
        state, nonce, verifier, wanted, *more = [*packed.split("."), "", "", ""]
        usable = all(re.fullmatch(r"[\w-]{43,64}", one) for one in (state, nonce, verifier))
        return cls(state, nonce, verifier, unquote(wanted)) if usable and not any(more) else None

    @property
    def packed(self) -> str:
        """For a cookie."""
        return ".".join(
            (self.state, self.nonce, self.verifier, quote(self.next, safe="").replace(".", "%2E"))
        )

    def is_of(self, state: str) -> bool:
        """Whether an answer of the provider belongs to it."""
        return hmac.compare_digest(self.state.encode(), state.encode("utf-8", "replace"))


def address(rules: Oidc, redirect: str, state: State) -> str:
    """Where the browser goes. Raises TransportError."""
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    asked = {
        "response_type": "code",
        "client_id": rules.client_id,
        "redirect_uri": redirect,
        "scope": _SCOPES,
        "state": state.state,
        "nonce": state.nonce,
        "code_challenge_method": "S256",
        "code_challenge": create_s256_code_challenge(state.verifier),
    }
    where = _metadata(rules.issuer)["authorization_endpoint"]
    return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"


def claims(rules: Oidc, key: str, redirect: str, code: str, state: State, now: datetime) -> dict[str, Any]:
    """What the provider says of who logged in.

    Raises:
        LogInError: its answer does not belong to this log-in, or proves nothing.
        TransportError: it cannot be asked. ConfigurationError: a package is missing.
    """
    _needed()
    from authlib.common.errors import AuthlibBaseError
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    known = _metadata(rules.issuer)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect}
    form |= {"code_verifier": state.verifier, "client_id": rules.client_id}
    given = (quote(rules.client_id, safe=""), quote(key, safe="")) if key else None
    keys: Any = _asked("GET", known["jwks_uri"])
    answer = _asked("POST", known["token_endpoint"], data=form, auth=given)
    try:
        token = jwt.decode(str(answer["id_token"]), KeySet.import_key_set(keys), _ALGORITHMS)
        options = {"iss": {"value": rules.issuer}, "aud": {"value": rules.client_id}}
        params = {"nonce": state.nonce, "client_id": rules.client_id}
        said = CodeIDToken(token.claims, token.header, options, params)
        said.validate(int(now.timestamp()), _LEEWAY_SECONDS)
    except (JoseError, AuthlibBaseError, KeyError, TypeError, ValueError) as error:
        raise LogInError(f"The answer of {rules.name} proves nothing: {type(error).__name__}.") from None
    if not isinstance(said["sub"], str) or not 0 < len(said["sub"]) <= 255 or not said["sub"].isprintable():
        raise LogInError(f"The subject of {rules.name} cannot be used.")
    return dict(said)


def _needed() -> None:
    try:
        import authlib.oidc.core  # noqa: F401 -- an extra
    except ImportError:
        raise ConfigurationError("Log-in by OpenID needs: pip install 'edi-gateway[oidc]'") from None


@cache
def _metadata(issuer: str) -> dict[str, str]:
    _needed()
    found = _asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != issuer or not all(isinstance(found.get(one), str) for one in _METADATA):
        raise TransportError(f"{issuer} is no OpenID provider, or calls itself otherwise.")
    return {name: found[name] for name in _METADATA}


def _asked(method: str, url: str, **more: Any) -> dict[str, Any]:
    """A JSON object from the provider. Raises TransportError."""
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_SECONDS) as client,
            client.stream(method, url, headers={"Accept": "application/json"}, **more) as answer,
        ):
            body = b""
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > _MAX_ANSWER:
                    raise ValueError("it is too long")
            if answer.status_code != httpx.codes.OK:
                raise ValueError(f"status {answer.status_code}")
            found = json.loads(body)
        if not isinstance(found, dict):
            raise ValueError("it is no JSON object")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise TransportError(f"The OpenID provider gives no answer at {url}: {error}") from None
    return found
