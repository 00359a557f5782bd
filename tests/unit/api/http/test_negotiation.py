import pytest

from cityledger.api.http.negotiation import read_accept

FHIR, JSON = "application/fhir+json", "application/json"

WEIGHTS: dict[str, tuple[list[str], float, float]] = {
    "nothing": ([], 1.0, 1.0),
    "anything": (["*/*"], 1.0, 1.0),
    "one": ([FHIR], 1.0, 0.0),
    "one in capitals with parameters": (["Application/FHIR+json; fhirVersion=4.0"], 1.0, 0.0),
    "weights": ([f"{FHIR};q=0.5, {JSON} ; q=0.75"], 0.5, 0.75),
    "two headers": ([FHIR, f"{JSON};q=0"], 1.0, 0.0),
    "the most specific counts": (["*/*;q=0.1, application/*;q=0.2", f"{JSON};q=0.3"], 0.2, 0.3),
    "the first of equals counts": ([f"{FHIR};q=0.3,{FHIR};q=0.9"], 0.3, 0.0),
    "malformed ranges are ignored": ([f"x, {FHIR};q=7, {FHIR};q=a, {JSON}"], 0.0, 1.0),
    "neither": (["text/html"], 0.0, 0.0),
    "more than are read": (["text/plain," * 40 + FHIR], 0.0, 0.0),
}


@pytest.mark.parametrize(("headers", "fhir", "json"), WEIGHTS.values(), ids=WEIGHTS)
def test_weight_is_of_the_most_specific_range(headers: list[str], fhir: float, json: float) -> None:
    wanted = read_accept(headers)
    assert (wanted.weight_of(FHIR), wanted.weight_of(JSON)) == (fhir, json)


@pytest.mark.parametrize(
    ("header", "named"), [(FHIR, True), ("*/*", False), (f"{FHIR};q=0", False), (JSON, False)]
)
def test_names_is_about_the_very_type(header: str, named: bool) -> None:
    assert read_accept([header]).names(FHIR) is named
