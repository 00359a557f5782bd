"""The scenes in which agencies share: permitted reads, and the answers to the others."""

from __future__ import annotations

from cityledger.client.access_context import AccessContext
from cityledger.demo.scene import Scene, refusal_of
from cityledger.demo.stage import Stage
from cityledger.errors import DeniedError, NotFoundError
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret

OUTPATIENT = "health-services/treatment/outpatient-encounters"
PSYCHIATRIC = "health-services/treatment/psychiatric-encounters"
TITLES = "real-estate/registration/titles"
STREET = "transport/parking/on-street"
CLAIM = AccessContext("INSURANCE_CLAIM", "claim 2026-0417")


def granted_parts(stage: Stage) -> Scene:
    """A grant names parts: the insurer gets only what the claim needs."""
    record = stage.records[OUTPATIENT][0]
    client = stage.client_of("medical-insurance")
    read = client.get_record(stage.dataset_id(OUTPATIENT), record, CLAIM)
    beyond = refusal_of(
        lambda: client.get_record(stage.dataset_id(OUTPATIENT), record, CLAIM, parts=["observations"])
    )
    return Scene(
        "The healthcare insurer reads an encounter for a claim, and only the parts that its grant names",
        set(read.parts) <= {"summary", "medication"} and "summary" in read.parts and _is_denied(beyond, 81),
        (
            f"record {record}, version {read.version}: parts {', '.join(sorted(read.parts))}",
            f"decision: {read.decision}",
            f"receipt, durable before the keys were released: {_short(read.receipts[0])}",
            f"asked for observations too: {beyond}",
        ),
        stage.curl("medical-insurance", _path(stage, OUTPATIENT, record), CLAIM.purpose),
    )


def third_agency(stage: Stage) -> Scene:
    """A read without a grant is refused, with the rule that denies it."""
    record = stage.records[OUTPATIENT][0]
    error = refusal_of(
        lambda: stage.client_of("taxation").get_record(
            stage.dataset_id(OUTPATIENT), record, AccessContext("SOCIAL_ASSISTANCE", "audit 12")
        )
    )
    return Scene(
        "The tax service asks for the same encounter and is refused, with the reason",
        _is_denied(error, 81),
        (f"{error}",),
        stage.curl("taxation", _path(stage, OUTPATIENT, record), "SOCIAL_ASSISTANCE"),
    )


def not_shared(stage: Stage) -> Scene:
    """NotShared: only the provider reads, for any purpose."""
    record = stage.records[PSYCHIATRIC][0]
    dataset = stage.dataset_id(PSYCHIATRIC)
    other = refusal_of(
        lambda: stage.client_of("chinese-medicine").get_record(dataset, record, AccessContext("TREATMENT"))
    )
    own = stage.client_of("health").get_record(dataset, record, AccessContext("OWN_DUTY", "ward round"))
    return Scene(
        "Psychiatric encounters are not shared: another medical agency is refused, the provider reads",
        _is_denied(other, 91) and "summary" in own.parts,
        (f"{other}", f"the provider itself: {own.decision}"),
        stage.curl("chinese-medicine", _path(stage, PSYCHIATRIC, record), "TREATMENT"),
    )


def unconditional(stage: Stage) -> Scene:
    """Unconditional: any active agency, for a purpose that the dataset allows."""
    record = stage.records[STREET][0]
    dataset = stage.dataset_id(STREET)
    client = stage.client_of("culture-tourism")
    read = client.get_record(dataset, record, AccessContext("PARKING_GUIDANCE"))
    wrong = refusal_of(lambda: client.get_record(dataset, record, AccessContext("TAX_ASSESSMENT")))
    state = read.parts["state"].decode()
    return Scene(
        "Road parking is shared unconditionally: tourism reads it, but not for a purpose that is not allowed",
        _is_denied(wrong, 32) and "OnStreetParking" in state,
        (f"{state[:96]}…", f"for TAX_ASSESSMENT: {wrong}"),
        stage.curl("culture-tourism", _path(stage, STREET, record), "PARKING_GUIDANCE"),
    )


def sealed_release(stage: Stage) -> Scene:
    """The keys are sealed to the consumer, which opens and checks on its own side."""
    record = stage.records[TITLES][0]
    secret = UnlockSecret.from_passphrase("devnet-only")
    key = Keyring.open(stage.city.keyring, secret).agency(stage.city.agencies["taxation"]).sealing_key
    opened = stage.client_of("taxation").open_record(
        stage.dataset_id(TITLES), record, AccessContext("TAX_ASSESSMENT", "assessment 88"), key
    )
    return Scene(
        "The tax service opens a land title on its own side, from keys sealed to it (X-Wing, a hybrid KEM)",
        "title" in opened.parts and opened.signer == stage.city.operator,
        (
            f"title {record}: parts {', '.join(sorted(opened.parts))}",
            "checked: receipts, leaf, ciphertext digests, key commitments, payload commitments",
            f"the receipts are signed by the log's operator {opened.signer}",
        ),
    )


def hidden_is_absent(stage: Stage) -> Scene:
    """A restricted record and one that never existed give the same answer."""
    record = stage.records[STREET][1]
    dataset, context = stage.dataset_id(STREET), AccessContext("PARKING_GUIDANCE")
    stage.steward_of("transport").restrict(dataset, record)
    client = stage.client_of("culture-tourism")
    hidden = refusal_of(lambda: client.get_record(dataset, record, context))
    absent = refusal_of(lambda: client.get_record(dataset, "never-written", context))
    alike = isinstance(hidden, NotFoundError) and isinstance(absent, NotFoundError)
    return Scene(
        "The steward restricts a record: to others it now looks as if it had never existed",
        alike and str(hidden) == str(absent),
        (f"the restricted one: {hidden}", f"one that never existed: {absent}"),
        stage.curl("culture-tourism", _path(stage, STREET, record), "PARKING_GUIDANCE"),
    )


def _is_denied(error: object, code: int) -> bool:
    return isinstance(error, DeniedError) and error.code == code


def _path(stage: Stage, path: str, record: str) -> str:
    return f"/v1/datasets/0x{stage.dataset_id(path).hex()}/records/{record}"


def _short(digest: bytes) -> str:
    return f"0x{digest.hex()[:16]}…"
