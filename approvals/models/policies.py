"""The rules, as rows."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import Group, User
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.states import MEMORABLE_GATES, MEMORABLE_RISKS, Gate, OnTimeout, PolicyChange, Risk


class Policy(models.Model):
    """Which gate, how much risk, who must sign, how long, what then. The first match decides."""

    name = models.CharField(max_length=80, unique=True)
    position = models.PositiveIntegerField(default=100, help_text="Policies are tried from the lowest up.")
    enabled = models.BooleanField(default=True)
    graph = models.CharField(max_length=200, default="*", help_text="Glob on the graph's name.")
    action = models.CharField(max_length=200, default="*", help_text="Glob on the action's name.")
    condition = models.TextField(
        blank=True,
        help_text="CEL over action, args, graph, requester, confidence, risk; empty matches always. "
        'For example: action == "transfer_money" && double(args.amount) > 1000.0',
    )
    risk = models.CharField(max_length=10, choices=Risk.choices, default=Risk.MEDIUM)
    gate = models.CharField(max_length=10, choices=Gate.choices, default=Gate.HARD)
    deadline_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        default=86_400,
        validators=[MinValueValidator(1)],
        help_text="Seconds until the deadline.",
    )
    on_timeout = models.CharField(max_length=10, choices=OnTimeout.choices, default=OnTimeout.REJECT)
    final_action = models.CharField(
        max_length=10,
        choices=[(end.value, end.label) for end in OnTimeout if end != OnTimeout.ESCALATE],
        default=OnTimeout.REJECT,
        help_text="What happens when the last escalation step has timed out too.",
    )
    may_extend_seconds = models.PositiveIntegerField(
        default=0, help_text="By how much a reviewer may move the deadline; 0: not at all."
    )
    may_extend_times = models.PositiveIntegerField(default=1, help_text="How often in the life of one ticket.")
    bar_requester = models.BooleanField(
        default=True,
        help_text="Whoever started the run may not approve it. Switch off only for a team of one.",
    )
    deny_threshold = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    confirm = models.CharField(
        max_length=200,
        blank=True,
        help_text="What a reviewer types under the manual gate, made from the arguments: {to}, {amount} or "
        "{customer.name}. Empty: the action's name.",
    )
    in_sequence = models.BooleanField(
        default=False, help_text="The groups sign one after the other, in the order in which they are named."
    )
    bar_editor = models.BooleanField(
        null=True,
        blank=True,
        help_text="Whoever changed the arguments last may not sign them. Unknown: at high and critical risk.",
    )
    blind = models.BooleanField(
        default=False,
        help_text="Until a reviewer has decided, the decisions and comments of the others are hidden; only their "
        "number is shown.",
    )
    recall_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How long an approval can be taken back before the agent is told. Empty: by risk, 0, 5, 10 or "
        "20 seconds for a decision in the browser and none for others.",
    )
    ask_reason = models.BooleanField(
        null=True,
        blank=True,
        help_text="Whoever approves in the browser writes why. Unknown: at high and critical risk.",
    )
    ask_sign_in = models.BooleanField(
        null=True,
        blank=True,
        help_text="Whoever approves in the browser has signed in, or confirmed it, in the last 15 minutes. "
        "Unknown: at critical risk and under the manual gate.",
    )
    max_requests = models.PositiveIntegerField(
        null=True,
        blank=True,
        default=5,
        validators=[MinValueValidator(1)],
        help_text="How often an agent may ask for the same action while it is refused; then its run ends. "
        "Empty: without end.",
    )
    remember_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(86_400)],
        help_text="For how long whoever signs last may let exactly the same arguments run again without asking, "
        "at most a day. Empty: not at all. Only for low and medium risk.",
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering = ("position", "id")
        verbose_name_plural = "policies"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(risk__in=Risk.values), name="policy_known_risk"),
            models.CheckConstraint(condition=Q(gate__in=Gate.values), name="policy_known_gate"),
            models.CheckConstraint(condition=Q(on_timeout__in=OnTimeout.values), name="policy_known_timeout"),
            models.CheckConstraint(
                condition=Q(final_action__in=(OnTimeout.REJECT, OnTimeout.APPROVE, OnTimeout.ANSWER)),
                name="policy_chain_ends",
            ),
            models.CheckConstraint(
                condition=Q(gate=Gate.SOFT)
                | Q(risk=Risk.LOW)
                | (~Q(on_timeout=OnTimeout.APPROVE) & ~Q(final_action=OnTimeout.APPROVE)),
                name="policy_deadline_approves_little",
            ),
            models.CheckConstraint(
                condition=Q(risk__in=(Risk.LOW, Risk.MEDIUM))
                | (~Q(on_timeout=OnTimeout.ANSWER) & ~Q(final_action=OnTimeout.ANSWER)),
                name="policy_deadline_answers_little",
            ),
            models.CheckConstraint(
                condition=Q(remember_seconds=None)
                | Q(remember_seconds__gte=1, risk__in=sorted(MEMORABLE_RISKS), gate__in=sorted(MEMORABLE_GATES)),
                name="policy_remembers_little",
            ),
            models.CheckConstraint(
                condition=~Q(gate=Gate.SOFT) | Q(risk__in=(Risk.LOW, Risk.MEDIUM)), name="policy_soft_is_small"
            ),
            models.CheckConstraint(condition=Q(deny_threshold__gte=1), name="policy_deny_at_least_one"),
            models.CheckConstraint(
                condition=Q(max_requests=None) | Q(max_requests__gte=1), name="policy_may_be_asked_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Requirement(models.Model):
    """n sign-offs from a group."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="requirements")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    needed = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("policy", "group"), name="requirement_once_per_group"),
            models.CheckConstraint(condition=Q(needed__gte=1), name="requirement_at_least_one"),
        ]

    def __str__(self) -> str:
        return f"{self.needed} of {self.group}"


class PolicyVersionQuerySet(models.QuerySet["PolicyVersion"]):
    """The history of the policies."""

    def newest(self) -> PolicyVersionQuerySet:
        """The last version of each name, with whoever made it."""
        return self.order_by("name", "-version").distinct("name").select_related("by")


class PolicyVersion(models.Model):
    """What a policy said from one change to the next. Written once; the database refuses any change.

    A name and a number are never used twice, not even after the policy was deleted and made again.
    """

    name = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    change = models.CharField(max_length=10, choices=PolicyChange.choices)
    body = models.JSONField()
    #: Where the change came from: the admin, the policy file, the demo.
    source = models.CharField(max_length=20, blank=True)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    objects = PolicyVersionQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("name", "version"), name="policy_version_once"),
            models.CheckConstraint(condition=Q(change__in=PolicyChange.values), name="policy_version_known_change"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"


class EscalationStep(models.Model):
    """The next group when nobody decided in time: n sign-offs of it, within a new deadline."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField(default=1, help_text="Steps are gone through from the lowest up.")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    needed = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    deadline_seconds = models.PositiveIntegerField(
        default=4 * 3_600, validators=[MinValueValidator(1)], help_text="Seconds this group gets."
    )

    class Meta:
        ordering = ("position", "id")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("policy", "position"), name="escalation_once_per_position"),
            models.CheckConstraint(condition=Q(needed__gte=1), name="escalation_at_least_one"),
            models.CheckConstraint(condition=Q(deadline_seconds__gte=1), name="escalation_has_time"),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.needed} of {self.group}"
