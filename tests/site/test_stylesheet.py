"""One style sheet is made of all files, kept for ever under an address that names what is in it."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client

from hitl_site import stylesheet


@pytest.fixture
def address(client: Client, db: None) -> str:
    found = re.search(r'<link rel="stylesheet" href="(.*?)"', client.get("/accounts/login/").content.decode())
    assert found
    return found[1]


def test_every_file_is_in_it_or_named_by_a_page() -> None:
    pages = "".join(path.read_text() for path in (settings.BASE_DIR / "templates").rglob("*.html"))
    named = set(re.findall(r"css/([a-z]+)\.css", pages))
    assert named.isdisjoint(stylesheet.ORDER)
    assert named | set(stylesheet.ORDER) == {path.stem for path in stylesheet.FOLDER.glob("*.css")}


def test_a_page_asks_for_it_without_a_session_and_keeps_it(client: Client, address: str) -> None:
    answer = Client().get(address)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.content.decode().startswith("@layer reset,base,components,utilities;")


def test_under_another_name_it_is_asked_for_anew(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Client().get("/styles.css?v=older").headers["Cache-Control"] == "no-cache"
    monkeypatch.setattr(stylesheet, "joined", lambda: ".newer{}")
    assert stylesheet.address() != address
    assert Client().get(address).headers["Cache-Control"] == "no-cache"


def test_what_is_left_out_says_nothing_to_a_browser() -> None:
    css = '/* Why. */\n.a :is(th, td) > b {\n  margin: 0 calc(1px + 2px);\n\n  content: "; {  :  /* */";\n}\n'
    assert stylesheet.squeezed(css) == '.a :is(th,td) > b{margin:0 calc(1px + 2px);content:"; {  :  /* */";}'
