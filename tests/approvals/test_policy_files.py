"""Policies as a file: read whole or not at all, written so that reading it changes nothing."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from approvals import drafts, policy_files, rulebook
from approvals.models import AuditEntry, Policy, PolicyVersion
from approvals.states import Risk
from tests.factories import make_policy

FILE = """
groups = ["finance", "reviewers"]

[[policy]]
name = "Small transfers"
action = "transfer_money"
condition = 'double(args.amount) <= 100.0'
risk = "medium"
gate = "hard"
deadline_seconds = 3600
requirements = { finance = 1 }

[[policy]]
name = "Search"
action = "search"
risk = "low"
gate = "auto"
deadline_seconds = 0
"""


@pytest.fixture
def load(tmp_path, capsys):
    def load(text, *options):
        path = tmp_path / "policies.toml"
        path.write_text(text)
        call_command("load_policies", str(path), *options)
        return capsys.readouterr()

    return load


def dumped(capsys):
    call_command("dump_policies")
    return capsys.readouterr().out


@pytest.mark.django_db
def test_a_file_becomes_all_the_policies_there_are(load):
    make_policy("Old", requirements={"reviewers": 1})
    load(FILE)
    small, search = Policy.objects.all()
    assert (small.name, small.deadline_seconds, small.requirements.get().group.name) == (
        "Small transfers",
        3600,
        "finance",
    )
    assert (search.name, search.gate, search.deadline_seconds) == ("Search", "auto", None)
    kinds = AuditEntry.objects.filter(stream=rulebook.STREAM).order_by("seq").values_list("type", flat=True)
    assert list(kinds) == ["policy.deleted", "policy.created", "policy.created"]


@pytest.mark.django_db
def test_what_was_dumped_loads_without_a_difference(load, capsys):
    load(FILE)
    before = dumped(capsys)
    assert load(before).out == "No difference.\n"
    assert dumped(capsys) == before
    assert PolicyVersion.objects.count() == 2


@pytest.mark.django_db
def test_policies_that_share_a_place_round_trip_too(load, capsys):
    for name in ("One", "Two", "Three"):
        make_policy(name, requirements={"reviewers": 1})
    assert load(dumped(capsys)).out == "No difference.\n"


@pytest.mark.django_db
def test_a_policy_put_between_two_leaves_them_as_they_are(load, capsys):
    load(FILE)
    extra = '[[policy]]\nname = "Between"\nrisk = "low"\ngate = "auto"\n\n[[policy]]\nname = "Search"'
    load(FILE.replace('[[policy]]\nname = "Search"', extra))
    assert [policy.name for policy in Policy.objects.all()] == ["Small transfers", "Between", "Search"]
    assert set(Policy.objects.values_list("version", flat=True)) == {1}


CHAIN = """
on_timeout = "escalate"
steps = [{ group = "reviewers", deadline_seconds = 7200 }, { group = "finance", needed = 2, deadline_seconds = 60 }]
"""


def chained(before="", after=""):
    return FILE.replace("requirements", CHAIN.replace(before, after, 1) + "requirements")


@pytest.mark.django_db
def test_escalation_steps_are_read_in_order_and_round_trip(load, capsys):
    load(chained())
    steps = Policy.objects.get(name="Small transfers").steps.all()
    assert [(s.group.name, s.needed, s.deadline_seconds) for s in steps] == [("reviewers", 1, 7200), ("finance", 2, 60)]
    assert load(dumped(capsys)).out == "No difference.\n"


@pytest.mark.django_db
def test_a_step_is_said_in_words(load):
    assert (
        "it is passed on to 1 of reviewers for 2 h, then to 2 of finance for 1 min, and in the end"
        in load(chained()).out
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('group = "reviewers"', 'group = "pirates"', "steps: There is no group “pirates”."),
        ("deadline_seconds = 60", "deadline = 60", "steps: each step is written { group ="),
        ("deadline_seconds = 60", "deadline_seconds = 0", "steps: Step 2 needs 1 to 100 people to sign and a time"),
        ("steps = [", "steps = [3, ", "steps: each step is written"),
        ('"escalate"', '"reject"', "on_timeout: Escalation steps are used only where"),
        ('"escalate"', '"approve"', "on_timeout: Escalation steps are used only"),
    ],
)
def test_wrong_steps_are_refused_whole(load, before, after, words):
    with pytest.raises(CommandError) as refusal:
        load(chained(before, after))
    assert words in str(refusal.value) and not Policy.objects.exists()


@pytest.mark.django_db
def test_another_order_is_another_order(load):
    load(FILE)
    head, one, two = FILE.split("[[policy]]")
    load("[[policy]]".join([head, two + "\n", one]))
    assert [policy.name for policy in Policy.objects.all()] == ["Search", "Small transfers"]


@pytest.mark.django_db
def test_a_dry_run_says_the_difference_in_words_and_changes_nothing(load):
    load(FILE)
    out = load(FILE.replace('risk = "medium"', 'risk = "high"').replace("3600", "7200"), "--dry-run").out
    assert "- Small transfers: medium risk\n+ Small transfers: high risk\n" in out
    assert "- Small transfers: waits at most 1 h\n+ Small transfers: waits at most 2 h\n" in out
    assert Policy.objects.get(name="Small transfers").risk == "medium"


@pytest.mark.django_db
def test_a_dry_run_makes_no_group(load):
    assert "+ The group “finance” is made\n" in load(FILE, "--dry-run").out
    assert not Group.objects.exists() and not AuditEntry.objects.exists()


@pytest.mark.django_db
def test_a_group_with_too_few_members_is_said_and_loaded(load):
    assert "1 of finance can never sign: the group has 0 active" in load(FILE).err


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("risk = ", "rsik = ", "Policy “Small transfers” has an unknown key, rsik; do you mean risk?"),
        (
            '"medium"',
            '"huge"',
            "risk: low, medium, high or critical is expected, not 'huge'.",
        ),
        ("3600", '"1 h"', "Policy “Small transfers”, deadline_seconds: a whole number is expected, not '1 h'."),
        ("3600", "true", "deadline_seconds: a whole number is expected, not True."),
        ("3600", "0", "deadline_seconds: A ticket that waits for people needs a deadline."),
        ("finance = 1", "pirates = 1", "requirements: There is no group “pirates”."),
        ("{ finance = 1 }", '["finance"]', "Policy “Small transfers”, requirements: write { group = 1 }"),
        ("double(", "duoble((", "condition: This condition cannot be used: not a CEL expression"),
        ('name = "Search"', 'name = "Small transfers"', "two policies have this name"),
        ('name = "Search"', "", "Policy 2 of the file, name: a policy needs a name."),
        ("groups = [", "group = [", "The file has an unknown key, group; do you mean groups?"),
        ("groups = [", "groups = [1, ", "The file, groups: a list of names"),
        ("[[policy]]", "[policy]", "not TOML"),
        ("gate = ", "gate ", "The file is not TOML: "),
        ("finance = 1", "finance = " + "9" * 5_000, "The file is not TOML: "),
    ],
)
def test_a_wrong_file_is_refused_whole_with_one_sentence(load, before, after, words):
    with pytest.raises(CommandError) as refusal:
        load(FILE.replace(before, after, 2 if before == "[[policy]]" else 1))
    assert words in str(refusal.value) and refusal.value.returncode == 2
    assert not Policy.objects.exists() and not Group.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "# nothing\n", 'groups = ["finance"]\n', "policy = 3\n", "policy = [1]\n"])
def test_a_file_without_policies_takes_none_away(load, text):
    make_policy(requirements={"reviewers": 1})
    with pytest.raises(CommandError):
        load(text)
    assert Policy.objects.exists()


@pytest.mark.django_db
def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file") as refusal:
        call_command("load_policies", str(tmp_path / "nothing.toml"))
    assert refusal.value.returncode == 2


@pytest.mark.django_db
def test_without_a_file_the_setting_names_it(settings, tmp_path):
    (tmp_path / "rules.toml").write_text(FILE)
    settings.COUNTERSIGN_POLICIES = tmp_path / "rules.toml"
    call_command("load_policies", "--dry-run")
    (tmp_path / "rules.toml").write_text("x = 1")
    with pytest.raises(CommandError, match=r"^COUNTERSIGN_POLICIES names .*unknown key, x"):
        call_command("load_policies")
    settings.COUNTERSIGN_POLICIES = None
    with pytest.raises(CommandError, match="Name a file"):
        call_command("load_policies")


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
any_draft = st.builds(
    lambda name, condition, risk, seconds, signs: drafts.new(
        {"name": name, "condition": condition, "risk": risk, "deadline_seconds": seconds}, signs
    ),
    texts.filter(str.strip),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=60),
    st.sampled_from(Risk.values),
    st.none() | st.integers(1, 10**6),
    st.dictionaries(texts, st.integers(1, 9), max_size=3),
)


@given(st.lists(any_draft, min_size=1, max_size=4, unique_by=lambda draft: draft.name))
def test_every_draft_survives_the_file(wanted):
    read = policy_files.read(policy_files.dump(wanted)).drafts
    assert [json.dumps(draft.body) for draft in read] == [json.dumps(draft.body) for draft in wanted]
