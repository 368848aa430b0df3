"""The demo tools. They act on real things (files, mail, accounts, orders), so a double execution shows.

Each carries a card in its metadata: how much risk, a title that says in words what it will do, and so on.
What goes wrong is a `ToolException` with one sentence; the model reads it and the ticket shows it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any

from django.core.mail import EmailMessage
from django.db import close_old_connections, connection, transaction
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import Field, ValidationError
from pydantic.v1 import ValidationError as OldValidationError

from agents import files
from agents.models import DemoAccount, DemoOrder, DemoTransfer

#: The account that payments come from.
TREASURY = "treasury"
OPENING = {TREASURY: Decimal("100000.00"), "alice": Decimal("0"), "bob": Decimal("0"), "acme": Decimal("0")}

ADDRESS = r"^[^@\s,;<>]+@[^@\s,;<>]+$"
ONE_LINE = r"^[^\r\n]+$"

Name = Annotated[str, Field(title="Name", min_length=1, max_length=100, pattern=ONE_LINE)]


def demo_tool(*, risk: str, title: str, **card: Any) -> Callable[[Callable[..., str]], StructuredTool]:
    """Make a tool with its card; its failures become sentences and its connection goes back to the pool."""

    def make(function: Callable[..., str]) -> StructuredTool:
        return StructuredTool.from_function(
            _finishing(function),
            name=function.__name__,
            metadata={"risk": risk, "title": title, **card},
            handle_tool_error=True,
            handle_validation_error=_explain,
        )

    return make


def _finishing(function: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> str:
        try:
            return function(*args, **kwargs)
        except files.FileRefused as refused:
            raise ToolException(str(refused)) from refused
        finally:
            # Tools run in pool threads that no request ends: without this each would keep a connection.
            # Inside a transaction it is the caller's.
            if not connection.in_atomic_block:
                close_old_connections()

    return call


def _explain(error: ValidationError | OldValidationError) -> str:
    faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
    return f"The arguments do not fit, so nothing was done. {'; '.join(faults)}."


@demo_tool(risk="low", title="Search for {query}")
def search(
    query: Annotated[str, Field(title="Query", description="Words to look for.", min_length=1, max_length=500)],
) -> str:
    """Search the text of all files for lines that hold every word."""
    found = files.search(query)
    return "\n".join(found) if found else f'Nothing found for "{query}".'


@demo_tool(risk="low", title="Read {path}")
def read_file(
    path: Annotated[
        str, Field(title="File", description="A file name, as search shows it.", min_length=1, max_length=300)
    ],
) -> str:
    """Read a text file."""
    return files.read(path)


@demo_tool(risk="medium", title="Send an email to {to}", salient=["to", "subject"], reversible=False)
def send_email(
    to: Annotated[str, Field(title="To", description="One address.", pattern=ADDRESS, max_length=254)],
    subject: Annotated[
        str, Field(title="Subject", description="One line.", pattern=ONE_LINE, min_length=1, max_length=200)
    ],
    body: Annotated[str, Field(title="Body", description="Plain text.", max_length=20_000)],
) -> str:
    """Send an email to one address."""
    EmailMessage(subject, body, to=[to]).send()
    return f'Email "{subject}" sent to {to}.'


@demo_tool(risk="medium", title="Order {quantity} {item}")
def create_order(
    item: Annotated[
        str, Field(title="Item", description="What to order.", min_length=1, max_length=200, pattern=ONE_LINE)
    ],
    quantity: Annotated[int, Field(title="Quantity", description="How many.", ge=1, le=1_000_000)],
) -> str:
    """Order a number of items."""
    order = DemoOrder.objects.create(item=item, quantity=quantity)
    return f"Order {order.pk}: {quantity} of {item}."


@demo_tool(risk="high", title="Delete the data {name}", salient=["name"], reversible=False)
def delete_data(
    name: Annotated[Name, Field(title="Data", description="The name of the file, with or without its suffix.")],
) -> str:
    """Delete a data file. It cannot be brought back."""
    path = files.find_data(name)
    path.unlink()
    return f"Deleted {path.name}."


@demo_tool(
    risk="high",
    title="Transfer {amount} to {to}",
    salient=["amount", "to"],
    reversible=False,
)
def transfer_money(
    amount: Annotated[
        float,
        Field(
            title="Amount",
            description="More than 0, at most two decimals.",
            gt=0,
            le=1e9,
            allow_inf_nan=False,
        ),
    ],
    to: Annotated[Name, Field(title="To", description="The account that is paid.")],
) -> str:
    """Transfer money from the treasury to an account, which is opened if there is none."""
    value = Decimal(str(amount))
    if value != round(value, 2):
        raise ToolException(f"{value} has more than two decimals, so nothing was transferred.")
    with transaction.atomic():
        _open_accounts()
        # One row is locked first by every payment, so two at once cannot overdraw it or each other.
        treasury = DemoAccount.objects.select_for_update().get(name=TREASURY)
        account = _account(to) or DemoAccount.objects.create(name=to)
        if account.pk == treasury.pk:
            raise ToolException("The treasury cannot pay itself.")
        if treasury.balance < value:
            raise ToolException(f"The treasury holds {treasury.balance}, which is less than {value:.2f}.")
        treasury.balance -= value
        account.balance += value
        treasury.save(update_fields=["balance"])
        account.save(update_fields=["balance"])
        paid = DemoTransfer.objects.create(account=account, amount=value)
    return f"Transfer {paid.pk}: {value:.2f} to {account.name}, whose balance is now {account.balance:.2f}."


@demo_tool(risk="critical", title="Purge the account {name} for good", salient=["name"], reversible=False)
def purge_account(name: Annotated[Name, Field(title="Account", description="The account's name.")]) -> str:
    """Delete an account and its transfers for good. It cannot be brought back."""
    with transaction.atomic():
        _open_accounts()
        DemoAccount.objects.select_for_update().get(name=TREASURY)
        account = _account(name)
        if account is None:
            raise ToolException(f'There is no account "{name}".')
        if account.name == TREASURY:
            raise ToolException("The treasury cannot be purged.")
        DemoTransfer.objects.filter(account=account).delete()
        account.delete()
    return f"Purged the account {account.name}, which held {account.balance:.2f}."


@demo_tool(risk="medium", title="{question}")
def ask(
    question: Annotated[
        str,
        Field(title="Question", description="What a person should answer.", min_length=1, max_length=2000),
    ],
) -> str:
    """Ask a person a question. Their answer is the result."""
    raise ToolException(f'Nobody answered "{question}".')


SAFE: tuple[BaseTool, ...] = (search, read_file)
SENSITIVE: tuple[BaseTool, ...] = (send_email, create_order, delete_data, transfer_money, purge_account, ask)
ALL: tuple[BaseTool, ...] = SAFE + SENSITIVE
BY_NAME: Mapping[str, BaseTool] = {tool.name: tool for tool in ALL}


def title(name: str, args: Mapping[str, Any]) -> str:
    """What a call will do, in words: "Transfer 250 to bob"."""
    tool = BY_NAME.get(name)
    template = str((tool.metadata or {}).get("title", "")) if tool else ""
    try:
        return template.format_map(dict(args)) or name
    except (KeyError, ValueError, AttributeError, IndexError):
        return name


def _account(name: str) -> DemoAccount | None:
    return DemoAccount.objects.filter(name__iexact=name.strip()).first()


def _open_accounts() -> None:
    if not DemoAccount.objects.filter(name=TREASURY).exists():
        opening = [DemoAccount(name=name, balance=balance) for name, balance in OPENING.items()]
        DemoAccount.objects.bulk_create(opening, ignore_conflicts=True)
