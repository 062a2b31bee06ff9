"""Rewriting against a stub on loopback: whatever it answers, what is accepted is true, and the budget is kept."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from afss_ros.cli import main
from afss_ros.refer import ReferError
from afss_ros.refer.rewrite.endpoint import Endpoint
from afss_ros.refer.rewrite.run import CACHE, Wishes, rewrite
from afss_ros.refer.rewrite.spending import BudgetError, Ledger
from afss_ros.refer.sets import check
from afss_ros.refer.sets.build import build
from afss_ros.refer.sets.references import read_references

Answering = Callable[[str, int], tuple[int, dict[str, Any]]]
"""A phrase, and the number of the question, to a status and a body."""


def said(text: str, *rewrites: str, **usage: int) -> tuple[int, dict[str, Any]]:
    """An answer that keeps the form."""
    content = json.dumps({"original": text, "rewrites": list(rewrites)})
    body = {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
    return 200, {**body, "usage": usage or {"prompt_tokens": 100, "completion_tokens": 20}}


def raw(content: str) -> tuple[int, dict[str, Any]]:
    return 200, {"choices": [{"message": {"content": content}}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}


@contextmanager
def stub(answering: Answering) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server on loopback; gives its address and the questions that came."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body)
            status, value = answering(body["messages"][1]["content"], len(asked))
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status == 429:
                self.send_header("Retry-After", "7")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    build("made:4", tmp_path / "set")
    return tmp_path / "set"


def place(url: str, **changes: Any) -> Endpoint:
    return Endpoint(url, "writer", **changes)


def nobody_sleeps(seconds: float) -> None:
    """Waits are told, not waited."""


def test_what_means_the_same_is_accepted_and_what_does_not_is_not(sentences: Path) -> None:
    before = read_references(sentences)
    swap = {"left": "right", "right": "left", "largest": "smallest", "topmost": "bottommost"}

    def answering(text: str, number: int) -> tuple[int, dict[str, Any]]:
        changed = " ".join(swap.get(word, word) for word in text.split())
        return said(text, f"please {text}", changed, f"the red box around {text}", f"that gleaming {text}")

    with stub(answering) as (url, asked):
        done = rewrite(sentences, place(url), Wishes(limit=60, count=4))
    assert len(asked) == done.asked == 60 and not done.problems and not done.stopped
    new = [r for r in read_references(sentences) if r.source == "rewrite"]
    assert len(new) == done.accepted >= 40
    assert [r for r in read_references(sentences) if r.source != "rewrite"] == before
    # The judge, which shares no code with any of it, finds them all true.
    assert not check.check(sentences).doubtful
    assert not [r.text for r in new if "box" in r.text or "gleaming" in r.text]
    # Words that the grammar does not know are for a person: with a picture of what was meant.
    lines = [json.loads(line) for line in (sentences / "review.jsonl").read_text().splitlines()]
    assert len(lines) == done.review >= 60 and any("gleaming" in line["why"] for line in lines)
    assert "<figure>" in (sentences / "review.html").read_text()
    assert any("speaks of the drawing" in why for why in done.refused)
    request = asked[0]
    assert request["model"] == "writer" and request["response_format"]["json_schema"]["strict"] is True
    assert request["response_format"]["json_schema"]["schema"]["additionalProperties"] is False


BROKEN = {
    "no JSON": lambda text: raw("Sure! Here they are: {}"),
    "another count": lambda text: said(text, "one only"),
    "another phrase": lambda text: said("something else", "a", "b"),
    "more keys": lambda text: raw(json.dumps({"original": text, "rewrites": ["a", "b"], "note": "x"})),
    "no texts": lambda text: raw(json.dumps({"original": text, "rewrites": [1, 2]})),
    "in a fence": lambda text: raw("```json\n" + json.dumps({"original": text, "rewrites": ["a", "b"]}) + "\n```"),
    "cut short": lambda text: (200, {"choices": [{"message": {"content": "{"}, "finish_reason": "length"}]}),
    "no choices": lambda text: (200, {"choices": []}),
    "an error page": lambda text: (503, {"error": "down"}),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_asked_again_and_never_kept(sentences: Path, broken: Any) -> None:
    waits: list[float] = []

    def answering(text: str, number: int) -> tuple[int, dict[str, Any]]:
        result: tuple[int, dict[str, Any]] = broken(text) if number < 3 else said(text, f"please {text}", f"now {text}")
        return result

    with stub(answering) as (url, asked):
        done = rewrite(sentences, place(url), Wishes(limit=1, count=2), sleep=waits.append)
    assert len(asked) == 3 and waits == [0.5, 1.0] and not done.problems
    assert len(list((sentences / CACHE).glob("*.json"))) == 1

    with stub(lambda text, number: broken(text)) as (url, asked):
        wishes = Wishes(limit=2, count=2, attempts=2, seed=9)
        done = rewrite(sentences, place(url), wishes, sleep=nobody_sleeps)
    assert done.problems or done.stopped
    assert len(list((sentences / CACHE).glob("*.json"))) == 1


def test_a_busy_endpoint_is_left_alone_as_long_as_it_says(sentences: Path) -> None:
    waits: list[float] = []
    with stub(lambda text, n: (429, {}) if n == 1 else said(text, f"please {text}")) as (url, _):
        done = rewrite(sentences, place(url), Wishes(limit=1, count=1), sleep=waits.append)
    assert waits == [7.0] and done.asked == 1


def test_an_endpoint_that_is_late_refuses_or_is_not_there_is_named(sentences: Path) -> None:
    gate = threading.Event()

    def late(text: str, number: int) -> tuple[int, dict[str, Any]]:
        gate.wait(20)
        return said(text, "x")

    with stub(late) as (url, _):
        done = rewrite(sentences, place(url, timeout_s=0.2), Wishes(limit=1, count=1, attempts=1))
        gate.set()
    assert "Timeout" in done.stopped or "timed out" in done.stopped
    with stub(lambda text, number: (401, {"error": "who are you"})) as (url, asked):
        done = rewrite(sentences, place(url), Wishes(limit=5, count=1))
    assert "refused with 401" in done.stopped and len(asked) == 1
    done = rewrite(sentences, place("http://127.0.0.1:9/v1"), Wishes(limit=1, attempts=1))
    assert "127.0.0.1:9" in done.stopped
    before = done.spent
    done = rewrite(sentences, place("ftp://x"), Wishes(limit=1))
    assert "no address of an endpoint" in done.stopped and done.spent == before


@pytest.mark.parametrize(
    "reply",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nbroken",
        b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nbroken",
        b"",
    ],
)
def test_an_endpoint_that_breaks_off_stops_and_is_named(sentences: Path, reply: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(reply)

        thread = threading.Thread(target=once)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        done = rewrite(sentences, place(url), Wishes(limit=1, count=1, attempts=1))
        thread.join(20)
    assert url in done.stopped and done.accepted == 0


class KilledError(BaseException):
    """What kill -9 looks like from inside."""


def test_a_killed_run_goes_on_and_asks_nothing_twice(sentences: Path) -> None:
    def killed(text: str, number: int) -> tuple[int, dict[str, Any]]:
        return said(text, f"please {text}")

    count = 0

    def advance() -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise KilledError

    with stub(killed) as (url, asked):
        with pytest.raises(KilledError):
            rewrite(sentences, place(url), Wishes(limit=10, count=1), advance=advance)
        assert len(asked) == 4 and not [r for r in read_references(sentences) if r.source == "rewrite"]
        done = rewrite(sentences, place(url), Wishes(limit=10, count=1))
        assert len(asked) == 10 and done.known == 4 and done.asked == 6
        first = (sentences / "references.jsonl").read_bytes()
        again = rewrite(sentences, place(url), Wishes(limit=10, count=1))
        assert len(asked) == 10 and again.accepted == done.accepted
        # A rewrite is never taken for an original.
        assert (sentences / "references.jsonl").read_bytes() == first


def test_the_budget_is_never_passed(sentences: Path) -> None:
    with stub(lambda text, number: said(text, f"please {text}")) as (url, asked):
        endpoint = place(url, max_tokens=50)
        body_size = 1500
        done = rewrite(sentences, endpoint, Wishes(limit=50, count=1, budget=3 * body_size))
        assert 0 < len(asked) < 50 and "raise --budget" in done.stopped
        assert done.spent <= 3 * body_size
        before = len(asked)
        more = rewrite(sentences, endpoint, Wishes(limit=50, count=1, budget=3 * body_size))
        assert len(asked) == before and more.known == done.asked and more.spent == done.spent


def test_a_question_whose_answer_never_came_counts_in_full(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "a", 1000)
    ledger.reserve(600)  # killed here
    with (tmp_path / "a" / "spent.jsonl").open("a") as file:
        file.write('{"tokens": 4')  # and once more while it wrote
    again = Ledger(tmp_path / "a", 1000)
    assert again.spent == 600
    with pytest.raises(BudgetError, match="600 of 1000 tokens are spent"):
        again.reserve(401)
    again.reserve(400)
    again.settle(400, 10)
    assert Ledger(tmp_path / "a", 1000).spent == 610


def test_the_command_line_rewrites_and_takes_what_a_person_kept(
    sentences: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with stub(lambda text, number: said(text, f"please {text}", f"gleaming {text}")) as (url, _):
        asking = ["refer", "rewrite", str(sentences), "--endpoint", url, "--limit", "5", "--count", "2"]
        assert main(asking) == 0
    assert "wordings accepted" in capsys.readouterr().out
    line = json.loads((sentences / "review.jsonl").read_text().splitlines()[0])
    ticked = {"scene": line["original"]["scene"], "original": line["original"]["text"], "text": line["text"]}
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps([ticked]))
    for added in (1, 0):
        assert main(["refer", "rewrite", str(sentences), "--kept", str(kept)]) == 0
        assert f"{added} sentences added" in capsys.readouterr().out
    (human,) = [r for r in read_references(sentences) if r.source == "human"]
    assert human.text == line["text"] and list(human.targets) == line["original"]["targets"]
    kept.write_text("{}x")
    assert main(["refer", "rewrite", str(sentences), "--kept", str(kept)]) == 1
    assert main(["refer", "rewrite", str(sentences)]) == 2
    with pytest.raises(ReferError, match="1 or more"):
        rewrite(sentences, place("http://x"), Wishes(limit=0))
