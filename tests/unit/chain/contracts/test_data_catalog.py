from __future__ import annotations

from cityledger.chain.contracts.data_catalog import DatasetPublished, PurposeSet, TermsSet
from cityledger.chain.contracts.decoding import decode_logs
from cityledger.types import purpose_from_name
from support.chain.raw_logs import EVENTS, raw_log, sample


def test_purpose_set_is_read_with_its_types() -> None:
    purpose = purpose_from_name("TREATMENT")
    log = raw_log(EVENTS["DataCatalog.PurposeSet"], {"purpose": purpose, "isListed": True})
    assert decode_logs([log])[0].event == PurposeSet(purpose, True)


def test_terms_set_shows_an_empty_pending_slot_as_none() -> None:
    current: tuple[object, ...] = (2, 0, False, False, [])
    empty: tuple[object, ...] = (0, 0, False, False, [])
    log = raw_log(
        EVENTS["DataCatalog.TermsSet"],
        {"dataset": b"\x01" * 32, "current": current, "pending": empty, "pendingSince": 0},
    )
    event = decode_logs([log])[0].event
    assert isinstance(event, TermsSet)
    assert event.pending is None


def test_dataset_published_is_read_with_a_title_that_is_not_utf8() -> None:
    """A steward must not be able to stop every node by one transaction."""
    entry = EVENTS["DataCatalog.DatasetPublished"]
    log = raw_log(entry, {parameter["name"]: sample(parameter) for parameter in entry["inputs"]})
    bad = log["data"].replace(b"text".hex(), b"\xff\xfext".hex())
    event = decode_logs([{**log, "data": bad}])[0].event
    assert isinstance(event, DatasetPublished)
    assert event.publication.title == "\ufffd\ufffdxt"
