"""A clinic writes a visit, finds it again by patient and by visit number, and a stranger is refused.

Run it while `cityledger demo` serves:  python pyservice/examples/medical.py .cityledger/demo
"""

import sys
import uuid
from pathlib import Path

from cityledger.client import OWN_DUTY, AccessContext, Client, load_credentials
from cityledger.errors import DeniedError

VISITS = "health-services/treatment/outpatient-encounters"


def main(folder: Path) -> None:
    with sign_in(folder, "health-writer") as writer, sign_in(folder, "health-reader") as reader:
        (visits,) = writer.catalog(VISITS)
        number = f"visit-{uuid.uuid4().hex[:8]}"

        # The patient's identity stays with the provider: records have a random pseudonym.
        patient = writer.resolve_subject(visits.dataset, "urn:example:patients", "P-2041", OWN_DUTY)
        assert patient is not None
        written = writer.put_record(
            visits.dataset, number, {"summary": encounter(number)}, subjects=[patient]
        )
        print(f"written as version {written.version}, number {written.seq} of log {written.log}")

        # A read names its purpose, and leaves a receipt before anything is opened.
        record = reader.get_record(visits.dataset, number, OWN_DUTY, parts=["summary"])
        print(f"read {len(record.parts['summary'])} bytes, receipt {record.receipts[0].hex()[:8]}…")
        print(f"the patient has {len(reader.find(visits.dataset, OWN_DUTY, subject=patient))} visits here")

    # Tourism has no grant for treatment data; the refusal names the rule, and is in the log as well.
    with sign_in(folder, "culture-tourism-reader") as stranger:
        try:
            stranger.get_record(visits.dataset, number, AccessContext("TREATMENT", case="tour 5"))
        except DeniedError as denied:
            print(f"refused: {denied}")


def encounter(number: str) -> dict[str, object]:
    """A FHIR R4 Encounter."""
    return {
        "resourceType": "Encounter",
        "identifier": [{"system": "urn:example:visits", "value": number}],
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "period": {"start": "2026-03-01T08:15:00+08:00", "end": "2026-03-01T08:40:00+08:00"},
    }


def sign_in(folder: Path, who: str) -> Client:
    loaded = load_credentials(folder / "credentials" / f"{who}.json")
    return Client(loaded.node or "http://127.0.0.1:8053", loaded.credentials, now=loaded.now)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
