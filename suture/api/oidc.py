"""Logging in through an OpenID Connect provider: authorization code flow with PKCE, state and nonce, all done by Authlib.

What must be remembered between the two steps travels in a signed cookie of ten minutes, so that any gateway can finish what
another began.
"""

from __future__ import annotations

from typing import Any, cast

import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from httpx2 import HTTPError
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from suture.access import People, Person
from suture.domain.errors import Forbidden, Invalid, Unavailable
from suture.settings import Settings

log = structlog.get_logger(__name__)
COOKIE = "suture_oidc"
SECONDS = 600
CALLBACK = "/oidc/callback"


class Oidc:
    """One provider. Raises ValueError when the client's secret can't be read."""

    def __init__(self, settings: Settings, key: bytes, people: People) -> None:
        self._people = people
        self._url = settings.public_url
        self._secure = settings.public_url.startswith("https://")
        self._issuer = settings.oidc_issuer
        self._signer = URLSafeTimedSerializer(key, salt="suture oidc")
        secret = _secret(settings)
        self._client: Any = OAuth().register(
            "provider",
            server_metadata_url=settings.oidc_issuer + "/.well-known/openid-configuration",
            client_id=settings.oidc_client_id,
            client_secret=secret,
            client_kwargs={
                "scope": "openid email profile",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "client_secret_basic" if secret else "none",
                "trust_env": False,
                "timeout": 10.0,
            },
        )

    async def begin(self, request: Request, back: str) -> Response:
        """Send the browser to the provider. Raises Unavailable when it does not answer."""
        kept: dict[str, Any] = {}
        request.scope["session"] = kept
        where = (self._url or str(request.base_url).rstrip("/")) + CALLBACK
        try:
            response = cast(Response, await self._client.authorize_redirect(request, where))
        except (HTTPError, AuthlibBaseError, ValueError, KeyError) as e:
            raise Unavailable(f"the identity provider does not answer: {type(e).__name__}") from e
        value = self._signer.dumps({"session": kept, "back": back})
        response.set_cookie(
            COOKIE,
            value if isinstance(value, str) else value.decode(),
            max_age=SECONDS,
            path="/oidc/",
            httponly=True,
            samesite="lax",
            secure=self._secure,
        )
        return response

    async def end(self, request: Request) -> tuple[Person, str]:
        """Who has logged in, and where they wanted to go. Raises Invalid, Forbidden, Unavailable with what to do."""
        try:
            kept = self._signer.loads(request.cookies.get(COOKIE, ""), max_age=SECONDS)
        except BadSignature as e:
            raise Invalid("this login was not begun in this browser, or too long ago: log in again") from e
        request.scope["session"] = kept["session"]
        try:
            metadata = await self._client.load_server_metadata()
            if str(metadata.get("issuer", "")).rstrip("/") != self._issuer:
                raise Invalid("the identity provider calls itself something else than SUTURE_OIDC_ISSUER")
            token = await self._client.authorize_access_token(request)
        except HTTPError as e:
            raise Unavailable(f"the identity provider does not answer: {type(e).__name__}") from e
        except (AuthlibBaseError, JoseError, ValueError, KeyError) as e:
            log.warning("a login through the identity provider failed", reason=str(e))
            raise Invalid("the identity provider's answer is not valid: log in again") from e
        return self._known(token.get("userinfo") or {}), str(kept["back"])

    def _known(self, claims: dict[str, Any]) -> Person:
        subject = str(claims.get("sub", ""))
        email = str(claims.get("email", "")) if claims.get("email_verified") is True else ""
        person = self._people.by_oidc(subject, email) if subject else None
        if person is None:
            who = email or subject or "somebody without a name"
            raise Forbidden(
                f"{who} is not in the access file: an admin can add `oidc: {email or subject}` to a person"
            )
        return person


def _secret(settings: Settings) -> str | None:
    file = settings.oidc_client_secret_file
    if file is None:
        return None
    try:
        secret = file.read_text().strip()
    except OSError as e:
        raise ValueError(f"cannot read the client secret {file}: {e.strerror}") from e
    if not secret:
        raise ValueError(f"{file} is empty: put the client's secret into it")
    return secret
