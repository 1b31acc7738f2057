# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail client of the standard library, run inside a container: it shows what the lab's mail server does by itself.

Each line of standard input is a JSON object, and the answer to it on standard output is another. `action` is `send`
(the conversation's facts, up to a delivered message or the first refusal) or `find` (messages over IMAP).
"""

from __future__ import annotations

import imaplib
import json
import smtplib
import ssl
import sys
import time
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any


def context(request: dict[str, Any]) -> ssl.SSLContext:
    """Trust in nothing but the certificate that the request names, host name checked."""
    return ssl.create_default_context(cadata=request["ca"])


def send(request: dict[str, Any]) -> dict[str, Any]:
    """Send a message; `code` and `step` tell of the first refusal, if any."""
    answer: dict[str, Any] = {"step": "connect", "code": 0}
    address = (request["host"], request["port"])
    if request["security"] == "smtps":
        client: smtplib.SMTP = smtplib.SMTP_SSL(*address, timeout=20, context=context(request))
    else:
        client = smtplib.SMTP(*address, timeout=20)
    with client:
        client.ehlo()
        answer["capabilities"] = sorted(client.esmtp_features)
        if request["security"] == "starttls":
            client.starttls(context=context(request))
            client.ehlo()
            answer["capabilities_in_tls"] = sorted(client.esmtp_features)
        if isinstance(client.sock, ssl.SSLSocket):
            answer["tls"] = client.sock.version()
        message = EmailMessage()
        message["Message-ID"] = answer["message_id"] = make_msgid(domain="stashops.test")
        message["From"], message["To"] = request["sender"], request["recipient"]
        message["Subject"] = "From the lab to itself"
        message.set_content("The lab's mail server delivers.\n")
        try:
            if request.get("username"):
                answer["step"] = "auth"
                client.login(request["username"], request["password"])
            answer["step"] = "mail"
            code, reply = client.mail(request["sender"])
            if code == 250:
                answer["step"] = "rcpt"
                code, reply = client.rcpt(request["recipient"])
            if code == 250:
                answer["step"] = "data"
                code, reply = client.data(message.as_bytes())
        except smtplib.SMTPResponseException as refused:
            code, reply = refused.smtp_code, refused.smtp_error if isinstance(refused.smtp_error, bytes) else b""
        except smtplib.SMTPNotSupportedError:
            code, reply = 0, b"not offered"
        answer["code"], answer["reply"] = code, reply.decode("utf-8", "replace")
    return answer


def fetch(client: imaplib.IMAP4, number: str) -> str:
    # The literal's envelope and the literal itself, then the closing bracket.
    parts = client.fetch(number, "(BODY.PEEK[])")[1]
    return b"".join(part[1] for part in parts if isinstance(part, tuple)).decode("utf-8", "replace")


def find(request: dict[str, Any]) -> dict[str, Any]:
    """Look for messages with a text in SUBJECT, BODY or `HEADER name`, until enough came or the seconds are over."""
    deadline = time.monotonic() + request["seconds"]
    if request["security"] == "imaps":
        client: imaplib.IMAP4 = imaplib.IMAP4_SSL(request["host"], request["port"], ssl_context=context(request))
    else:
        client = imaplib.IMAP4(request["host"], request["port"])
        client.starttls(context(request))
    with client:
        client.login(request["username"], request["password"])
        while True:
            client.select("INBOX", readonly=True)
            numbers = client.search(None, *request["where"].split(), f'"{request["text"]}"')[1][0].split()
            if len(numbers) >= request["wanted"] or time.monotonic() > deadline:
                return {"arrived": len(numbers), "messages": [fetch(client, number.decode()) for number in numbers]}
            time.sleep(0.05)


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What became of it; a certificate that is not trusted is an answer too."""
    try:
        return {"send": send, "find": find}[asked["action"]](asked)
    except ssl.SSLCertVerificationError as untrusted:
        return {"step": "tls", "code": 0, "reply": untrusted.verify_message}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
