"""How facts read: times no more exact than they matter, names and words that cannot pass for others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals import wording


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (250, "4 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (11_400, "3 h 10 min"),
        (86_399, "24 h"),
        (2 * 86_400 - 1, "2 days"),
        (2 * 86_400 + 4 * 3_600, "2 days 4 h"),
        (9 * 86_400 + 4 * 3_600, "9 days"),
    ],
)
def test_lengths_of_time_are_no_more_exact_than_they_matter(seconds: int, words: str) -> None:
    assert wording.span(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize("text", ["Zahl an Jürgen", "перевод для Анны", "π ≈ 3.14", "支払い send_email"])
def test_words_of_one_alphabet_are_left_alone(text: str) -> None:
    assert wording.visible(text) == text


def test_letter_of_another_alphabet_in_a_word_is_numbered() -> None:
    assert wording.visible("pay b\u043eb at p\u0430ypal.com") == "pay b\u043e⟨U+043E⟩b at p\u0430⟨U+0430⟩ypal.com"


def test_word_without_latin_letters_is_measured_by_its_majority() -> None:
    assert wording.visible("\u0442\u03bf\u043c") == "\u0442\u03bf⟨U+03BF⟩\u043c"


def test_exact_name_numbers_whatever_is_not_ascii() -> None:
    marked = list(wording.exact_pieces("d\u0435lete_\u200bdata"))
    assert marked == [(False, "d"), (True, "\u0435⟨U+0435⟩"), (False, "lete_"), (True, "⟨U+200B⟩"), (False, "data")]


@pytest.mark.parametrize(
    ("what", "by", "line"),
    [
        ("args.amount", {"args.to": "bob"}, "With this, 1,250.00 to bob in 24 h"),
        ("args.amount", {"action": "pay", "args.to": "bob"}, "With this, 1,250.00 to bob in 24 h"),
        ("args.order.items", {"requester": "dave"}, "With this, items 1,250.00 asked by dave in 24 h"),
        ("", {"action": "pay"}, "With this, 1,250 requests of the action pay in 24 h"),
        ("", {"graph": "operations", "requester": ""}, "With this, 1,250 requests asked by nobody we know in 24 h"),
    ],
)
def test_a_running_total_is_one_line(what, by, line):
    assert wording.running({"what": what, "by": by, "hours": 24, "before": 0, "with_this": 1250}) == line


def test_the_same_unseen_character_many_times_is_counted():
    assert wording.visible("a" + "\u200b" * 80_000 + "b") == "a⟨U+200B ×80,000⟩b"
    assert wording.visible("\u200b\u202e\u202e") == "⟨U+200B⟩⟨U+202E ×2⟩"


def test_a_sentence_names_two_arguments_and_counts_the_others() -> None:
    told = {"amount": 250, "to": "bob", "urgent": True, "note": "Hi"}
    assert wording.sentence("transfer_money", told) == "Transfer money: amount 250, to bob, and 2 more"
