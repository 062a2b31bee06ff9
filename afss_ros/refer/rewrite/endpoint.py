"""An OpenAI-compatible endpoint: one question, one answer, and what it cost. Nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import math
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from afss_ros.refer.errors import ReferError

LARGEST = 1 << 22
"""Bytes of an answer that are read; a longer one is none."""
_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)
_LONGEST_WAIT_S = 120.0


class EndpointError(ReferError):
    """An endpoint that will not answer, however often it is asked."""


class BusyError(EndpointError):
    """An endpoint that may answer when it is asked again.

    Attributes:
        after_s: how long it wants to be left alone; 0 when it does not say.
    """

    def __init__(self, message: str, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        text: what the model wrote.
        tokens: read and written together, as the endpoint counts them; None where it does not say.
    """

    text: str
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is.

    Attributes:
        url: such as `http://localhost:8000/v1`.
        model: its name there.
        key: of an account, sent as a bearer token; empty for none. Never written anywhere.
        timeout_s: of one answer.
        max_tokens: that the model may write.
        temperature: 0 is the likeliest words.
    """

    url: str
    model: str
    key: str = ""
    timeout_s: float = 60.0
    max_tokens: int = 512
    temperature: float = 0.8

    def body(self, messages: list[dict[str, str]], schema: dict[str, Any]) -> dict[str, Any]:
        """What is sent, as plain values; with the URL it decides the answer, and so names it in the cache."""
        form = {"type": "json_schema", "json_schema": {"name": "rewrites", "strict": True, "schema": schema}}
        return {
            "model": self.model, "messages": messages, "response_format": form, "max_tokens": self.max_tokens,
            "temperature": self.temperature,
        }  # fmt: skip

    def most_tokens(self, body: dict[str, Any]) -> int:
        """More tokens than a question and its answer can have: a token has at least one byte of what is sent."""
        return len(json.dumps(body).encode()) + self.max_tokens

    @property
    def address(self) -> str:
        """Where questions go.

        Raises:
            EndpointError: `url` is no address.
        """
        if not self.url.startswith(("http://", "https://")):
            raise EndpointError(f"{self.url!r} is no address of an endpoint; give one such as http://localhost:8000/v1")
        return self.url.rstrip("/") + "/chat/completions"

    def ask(self, body: dict[str, Any]) -> Reply:
        """Send a question.

        Raises:
            BusyError: it is busy, broken for now, or too late.
            EndpointError: it refuses, or answers in another form.
        """
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        address = self.address
        request = urllib.request.Request(address, json.dumps(body).encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:
                content = answer.read(LARGEST + 1)
        except urllib.error.HTTPError as err:
            said = _shown(err)
            if err.code in _AGAIN:
                raise BusyError(f"{address}: {err.code} {said}", _seconds(err.headers.get("Retry-After"))) from err
            raise EndpointError(f"{address}: refused with {err.code} {said}; look at --endpoint and --model") from err
        except (OSError, ValueError, http.client.HTTPException) as err:
            raise BusyError(f"{address}: {type(err).__name__}: {err}") from err
        return _reply(content, address)


def _shown(refusal: urllib.error.HTTPError) -> str:
    try:
        return refusal.read(300).decode(errors="replace")
    except (OSError, ValueError, http.client.HTTPException) as err:
        return f"and broke off ({type(err).__name__})"
    finally:
        refusal.close()


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:  # a date
        return 0.0
    return min(_LONGEST_WAIT_S, seconds) if math.isfinite(seconds) and seconds > 0 else 0.0


def _reply(content: bytes, address: str) -> Reply:
    try:
        if len(content) > LARGEST:
            raise ValueError(f"more than {LARGEST} bytes")
        value = json.loads(content)
        choice = value["choices"][0]
        text = choice["message"]["content"]
        if not isinstance(text, str) or choice.get("finish_reason") == "length":
            raise ValueError("it has no text, or was cut at max_tokens")
        usage = value.get("usage") or {}
        counted = [c for c in (usage.get("prompt_tokens"), usage.get("completion_tokens")) if type(c) is int and c >= 0]
        tokens = sum(counted) if len(counted) == 2 else None
        return Reply(text, tokens)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as err:
        raise BusyError(f"{address}: an answer in another form ({type(err).__name__}: {err})") from err
