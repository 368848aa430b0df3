"""The demo: people, groups, policies and a few runs. Repeating it changes nothing that is already there."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from agents.models import Run
from approvals import drafts, freezes, rulebook
from approvals.models import Policy, PolicyVersion
from approvals.states import Gate, OnTimeout, Risk
from approvals.timeouts import Step

#: Who may what. Dave is in no group and starts runs; Admin is the superuser.
PEOPLE: dict[str, tuple[str, ...]] = {
    "alice": ("reviewers",),
    "bob": ("reviewers",),
    "carol": ("finance",),
    "erin": ("finance",),
    "frank": ("security",),
    "dave": (),
    "admin": (),
}
GROUPS = ("reviewers", "finance", "security")
REQUESTER = "dave"
HOUR = 60 * 60
DAY = 24 * HOUR

#: What each run asks for: a ticket of every tier, each kind of graph, and one that runs straight through.
RUNS: tuple[tuple[str, str], ...] = (
    ("operations", "search invoices, then transfer 250 to bob"),
    ("operations", "email alice@example.com subject Invoice 1042 body The invoice is due on Friday."),
    ("operations", "delete data report-7"),
    ("operations", "purge account acme"),
    ("decide_execute", "transfer 90 to bob"),
    ("email_draft", "email bob@example.com subject Minutes body Please find the minutes attached."),
    ("tool_review", "order 12 chairs"),
    ("operations", "read handbook.md"),
    ("batch", "email ana@example.com subject Offer body Our offer is attached., then order 3 lamps"),
    ("clarify", "settle the invoice from March"),
    ("agent_inbox", "order 40 notebooks"),
    ("tool_interrupt", "transfer 75 to erin"),
)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A demo user; `password` is set only when it was set just now."""

    username: str
    groups: tuple[str, ...]
    password: str | None


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A demo policy: one action, how it waits and who signs."""

    name: str
    action: str
    risk: Risk
    sign: tuple[tuple[str, int], ...] = ()
    condition: str = ""
    deadline_seconds: int = DAY
    on_timeout: OnTimeout = OnTimeout.REJECT
    steps: tuple[Step, ...] = ()
    #: What is typed to approve it, made from the arguments; without it nothing is.
    confirm: str = ""


#: High risk goes on to security, who have four hours; then it is closed.
ESCALATES: dict[str, Any] = {
    "on_timeout": OnTimeout.ESCALATE,
    "steps": (Step(group="security", needed=1, deadline_seconds=4 * HOUR),),
}

TIERS = (
    Tier(name="Search", action="search", risk=Risk.LOW),
    Tier(name="Read a file", action="read_file", risk=Risk.LOW),
    Tier(name="Send email", action="send_email", risk=Risk.MEDIUM, sign=(("reviewers", 1),)),
    Tier(name="Create an order", action="create_order", risk=Risk.MEDIUM, sign=(("reviewers", 1),)),
    Tier(
        name="Transfer up to 100",
        action="transfer_money",
        risk=Risk.MEDIUM,
        sign=(("finance", 1),),
        condition='action == "transfer_money" && double(args.amount) <= 100.0',
    ),
    Tier(
        name="Transfer money",
        action="transfer_money",
        risk=Risk.HIGH,
        sign=(("finance", 1), ("reviewers", 1)),
        **ESCALATES,
    ),
    Tier(
        name="Delete data",
        action="delete_data",
        risk=Risk.HIGH,
        sign=(("reviewers", 1), ("security", 1)),
        **ESCALATES,
    ),
    Tier(
        name="Purge an account",
        action="purge_account",
        risk=Risk.CRITICAL,
        sign=(("security", 1), ("reviewers", 1)),
        confirm="{name}",
    ),
    Tier(
        name="Questions of an agent",
        action="clarify",
        risk=Risk.LOW,
        sign=(("reviewers", 1),),
        deadline_seconds=HOUR,
        on_timeout=OnTimeout.ANSWER,
    ),
)


@transaction.atomic
def seed() -> list[Account]:
    """Make what is missing of groups, users and policies; return the users with their new passwords."""
    groups = {name: Group.objects.get_or_create(name=name)[0] for name in GROUPS}
    accounts = _seed_people(groups)
    if not settings.COUNTERSIGN_POLICIES:  # a file says what is in force, and would take these out again
        _seed_policies()
    return accounts


def seed_runs() -> int:
    """Start the demo runs that are missing, unless somebody has begun to use the place; say how many."""
    from agents import registry, runner, workers  # LangGraph is loaded only here: `up` itself stays light

    if freezes.is_frozen() or Run.objects.exclude(thread_id__startswith="demo-").exists():
        return 0
    requester = User.objects.get(username=REQUESTER).pk
    known = set(Run.objects.values_list("thread_id", flat=True))
    missing = [(f"demo-{n}", run) for n, run in enumerate(RUNS, start=1) if f"demo-{n}" not in known]
    with workers.enrolled("seed_demo"):
        for thread_id, (graph, message) in missing:
            said = registry.message_input(registry.get(graph), message)
            runner.start_sync(graph=graph, input=said, thread_id=thread_id, requester_id=requester)
    return len(missing)


def _seed_people(groups: dict[str, Group]) -> list[Account]:
    known = {user.username: user for user in User.objects.filter(username__in=PEOPLE)}
    passwords = _new_passwords(known)
    encoded = _encode(passwords)
    accounts = []
    for username, names in PEOPLE.items():
        user = known.get(username) or User(username=username, email=f"{username}@example.com")
        if username in encoded:
            user.password = encoded[username]
        is_new = user.pk is None
        if is_new:
            user.is_staff = user.is_superuser = username == "admin"
        if is_new or username in encoded:
            user.save()
        if is_new:
            # Only then: somebody taken out of a group by an administrator stays out.
            user.groups.set([groups[name] for name in names])
        accounts.append(Account(username=username, groups=names, password=passwords.get(username)))
    return accounts


def _new_passwords(known: dict[str, User]) -> dict[str, str]:
    wanted = settings.COUNTERSIGN_DEMO_PASSWORD
    if not wanted:
        return {name: secrets.token_urlsafe(9) for name in PEOPLE if name not in known}
    # Checking costs as much as making one, on purpose; so each different hash is checked once.
    fits = {hashed: check_password(wanted, hashed) for hashed in {user.password for user in known.values()}}
    return {name: wanted for name in PEOPLE if name not in known or not fits[known[name].password]}


def _encode(passwords: dict[str, str]) -> dict[str, str]:
    # Threads help: hashing lets go of the interpreter, and seven hashes are most of a first start.
    different = list(dict.fromkeys(passwords.values()))
    with ThreadPoolExecutor() as pool:
        encoded = dict(zip(different, pool.map(make_password, different), strict=True))
    return {name: encoded[password] for name, password in passwords.items()}


def _seed_policies() -> None:
    """Those that never were, by name: what somebody changed stays changed, and what was taken out stays out."""
    known = set(Policy.objects.values_list("name", flat=True)) | set(
        PolicyVersion.objects.values_list("name", flat=True)
    )
    for position, tier in enumerate(TIERS, start=1):
        if tier.name not in known:
            rulebook.save(_draft(tier, position=position * 10), actor=None, source="demo")


def _draft(tier: Tier, *, position: int) -> drafts.Draft:
    values = {
        "name": tier.name,
        "position": position,
        "action": tier.action,
        "condition": tier.condition,
        "risk": tier.risk.value,
        "gate": _gate(tier).value,
        "confirm": tier.confirm,
        "deadline_seconds": tier.deadline_seconds if tier.sign else None,
        "on_timeout": tier.on_timeout.value,
        "may_extend_seconds": 4 * HOUR if tier.sign else 0,
    }
    return drafts.new(values, dict(tier.sign), tier.steps)


def _gate(tier: Tier) -> Gate:
    if tier.confirm:
        return Gate.MANUAL
    return Gate.HARD if tier.sign else Gate.AUTO


def lines(accounts: list[Account]) -> list[str]:
    """Who can sign in, one line each; a password appears only when it was made just now."""
    fixed = bool(settings.COUNTERSIGN_DEMO_PASSWORD)
    fresh = any(account.password for account in accounts)
    if fixed:
        head = "Sign in with COUNTERSIGN_DEMO_PASSWORD as:"
    elif fresh:
        head = "Sign in as (these passwords are shown only now):"
    else:
        head = "Sign in with the passwords of the first start (`manage.py changepassword NAME` sets another) as:"
    return [head, *(_line(account, show=not fixed) for account in accounts)]


def _line(account: Account, *, show: bool) -> str:
    rights = ", ".join(account.groups) or ("superuser" if account.username == "admin" else "starts runs")
    password = account.password if show and account.password else ""
    return f"  {account.username:<6} {rights:<12} {password}".rstrip()
