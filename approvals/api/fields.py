"""Values as they come in an address."""

from __future__ import annotations

from typing import Annotated

from ninja import Header, Query
from pydantic import Field

from approvals.api.waiting import MOST_SECONDS

#: What the database can count to.
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
#: Text that the database can look for.
Words = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
#: How many seconds an answer may be waited for.
Wait = Annotated[int, Query(ge=0, le=MOST_SECONDS)]
#: The name that a request keeps when it is sent again.
Key = Annotated[str | None, Header(alias="Idempotency-Key", pattern=r"^[\x21-\x7e]{1,255}$")]
