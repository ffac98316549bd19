"""Whom the other end of an https address is vouched for by."""

import ssl
from functools import cache


@cache
def authorities() -> ssl.SSLContext:
    """The world's, or those of SSL_CERT_FILE. Read once: it takes longer than most that is asked, and all wait."""
    import httpx  # here, for most processes need none

    return httpx.create_ssl_context()
