"""The way to a service: through which proxy, and whose certificates are trusted."""

from __future__ import annotations

import os
import ssl as tls

from yarl import URL

from walead_async.errors import ConfigurationError

__all__ = ["checked_proxy", "trusting"]


def checked_proxy(proxy: str | None, *, scheme: str) -> URL | None:
    """The URL of a proxy for a service of this scheme. Raises `ConfigurationError`."""
    if proxy is None:
        return None
    # The text may hold a password, so no message repeats it.
    try:
        url = URL(proxy) if isinstance(proxy, str) else None
    except ValueError:
        url = None
    if url is None or url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError("proxy must be the URL of an HTTP proxy, such as http://proxy.example:3128")
    if scheme != "https":
        raise ConfigurationError("a proxy would see the API key of an http base URL: use https, or no proxy")
    return url


def trusting(ssl: tls.SSLContext | str | os.PathLike[str]) -> tls.SSLContext:
    """Whose certificates are trusted instead of those that the system trusts. Raises `ConfigurationError`."""
    if isinstance(ssl, tls.SSLContext):
        return ssl
    if not isinstance(ssl, (str, os.PathLike)) or not os.fspath(ssl):
        raise ConfigurationError("ssl takes an ssl.SSLContext or the path of a file with a private CA's certificate")
    try:
        return tls.create_default_context(cafile=ssl)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"the CA file {os.fspath(ssl)!r} cannot be used: {why}") from None
