from dataclasses import replace

from cityledger.policy import decide
from cityledger.policy.gather import Known
from cityledger.types import (
    NO_AGENCY,
    NO_END,
    NO_RECORD,
    NO_SUBJECT,
    OWN_DUTY,
    ZERO32,
    Action,
    AgencyId,
    AgencyStatus,
    DatasetId,
    DatasetStatus,
    Decision,
    Query,
    Role,
)

NOTHING_KNOWN = Known(
    AgencyStatus.NONE, 0, NO_AGENCY, AgencyStatus.NONE, 0, DatasetStatus.NONE, None, None, 0, None,
    False, False, False, None, False,
)  # fmt: skip
QUERY = Query(
    0, Action.READ, Role.READER, AgencyId(1), None, NO_END, NO_AGENCY, DatasetId(ZERO32), NO_RECORD,
    NO_SUBJECT, OWN_DUTY, 0,
)  # fmt: skip


def test_decide_denies_where_nothing_is_known() -> None:
    answer = decide(QUERY, NOTHING_KNOWN)
    assert (answer.permit, answer.code, answer.rule) == (False, 11, 1)
    assert answer == Decision(False, 11, ZERO32, ZERO32, answer.facts)


def test_decide_permits_the_providers_own_duty() -> None:
    known = replace(
        NOTHING_KNOWN, consumer_status=AgencyStatus.ACTIVE, provider=AgencyId(1), purpose_known=True
    )
    assert decide(QUERY, known).code == 40
