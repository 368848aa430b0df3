"""A program written for HumanLayer, with our backend in the place of theirs. Prints what it sent and what it heard."""

import json
import time

from countersign import humanlayer
from countersign.client import Countersign
from humanlayer import HumanLayer

sent = []
hl = HumanLayer(backend=humanlayer.Backend(Countersign()), sleep=lambda seconds: time.sleep(0.1))


@hl.require_approval()
def send_email(to: str) -> str:
    sent.append(to)
    return f"sent to {to}"


heard = send_email(to="bob")
print(json.dumps({"sent": sent, "heard": heard}))
