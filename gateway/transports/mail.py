"""Mail over SMTP (RFC 5321): to a server whose address was checked, with an end to every wait."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from threading import Timer

from gateway.errors import TransportError
from gateway.partners.webhook import Email
from gateway.transports.as2 import Resolve, is_public, resolve


def message(terms: Email, subject: str, text: str, key: str, at: datetime) -> EmailMessage:
    """A mail of plain text; the same ``key`` gives the same Message-ID, so that a repetition is known."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = terms.sender, ", ".join(terms.to), subject
    made["Date"], made["Message-ID"] = format_datetime(at), f"<{key}@{terms.sender.partition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    made.set_content(text)
    return made


def send(
    terms: Email, password: str, context: ssl.SSLContext, mail: EmailMessage, resolve: Resolve = resolve
) -> list[str]:
    """Sends a mail; returns the addresses that the server refused, if it took others.

    Args:
        context: made by :func:`gateway.transports.as2.tls_context`.

    Raises:
        TransportError: it was not taken.
    """
    where = f"The mail server {terms.host} port {terms.port}"
    client = _Client(terms, context, resolve)
    end = Timer(3 * terms.timeout_seconds, client.abort)  # a server may dribble
    end.daemon = True
    end.start()
    try:
        client.connect(terms.host, terms.port)
        if terms.tls == "starttls":
            client.starttls(context=context)
        if terms.user:
            client.login(terms.user, password)
        refused = client.send_message(mail)
        with suppress(smtplib.SMTPException, OSError):
            client.quit()
        return sorted(refused)
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise TransportError(f"{where} refused all recipients ({code} {_line(said)}).") from error
    except smtplib.SMTPResponseException as error:
        raise TransportError(f"{where} refused ({error.smtp_code} {_line(error.smtp_error)}).") from error
    except ssl.SSLCertVerificationError as error:
        words = f"{where} shows a certificate that is not trusted ({error.verify_message})"
        words += ". Name its issuer in `email.ca_file`, or correct `email.host`."
        raise TransportError(words) from error
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        why = "it took too long" if client.is_late else _line(why)
        raise TransportError(f"{where} cannot be used: {why}.") from error
    finally:
        end.cancel()
        client.close()


def addresses(host: str, port: int, public_only: bool, resolve: Resolve = resolve) -> Sequence[str]:
    """The addresses of a mail server, all of them allowed. Raises OSError with what is wrong."""
    found = resolve(host, port)
    if public_only and (inside := [one for one in found if not is_public(one)]):
        raise OSError(
            f"its address {inside[0]} is not on the public internet. If that is right, set "
            "`email.private_addresses: true`"
        )
    return found


class _Client(smtplib.SMTP):
    """A client that connects to addresses that were checked."""

    def __init__(self, terms: Email, context: ssl.SSLContext, resolve: Resolve) -> None:
        self._terms, self._context, self._resolve = terms, context, resolve
        self.is_late = False
        super().__init__(local_hostname=socket.gethostname() or "localhost", timeout=terms.timeout_seconds)
        self._host = terms.host  # what the certificate must be for

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        why: OSError = OSError("no address is known for it")
        for one in addresses(host, port, not self._terms.private_addresses, self._resolve):
            try:
                made = socket.create_connection((one, port), timeout)
            except OSError as error:
                why = error
                continue
            is_plain = self._terms.tls != "tls"
            return made if is_plain else self._context.wrap_socket(made, server_hostname=host)
        raise why

    def abort(self) -> None:
        """Ends whatever waits."""
        self.is_late = True
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def _line(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:200].rstrip(".")
