"""TLS for SIP (RFC 3261 section 26, RFC 5922): who we are, and whom we believe."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. Without a certificate there is no listening, only calling."""

    certificate: Path | None = None
    private: Path | None = None
    authorities: Path | None = None

    def for_listening(self) -> ssl.SSLContext:
        """Raises OSError (ssl.SSLError too) when a file cannot be used, ValueError without one."""
        if self.certificate is None:
            raise ValueError("tls:// needs BRIDGE_TLS_CERTIFICATE and BRIDGE_TLS_PRIVATE.")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.private)
        return context

    def for_calling(self) -> ssl.SSLContext:
        """Certificates of those we call are always verified, with their name (RFC 5922)."""
        context = ssl.create_default_context(cafile=self.authorities)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:  # shown to carriers that ask for one
            context.load_cert_chain(self.certificate, self.private)
        return context
