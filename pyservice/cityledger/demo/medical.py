"""Synthetic treatments as FHIR R4 resources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

from cityledger.demo.draft import Draft, decimal
from cityledger.demo.people import Person

_HOSPITALS = ("北京协和医院", "北京大学第三医院", "首都医科大学附属北京友谊医院", "北京积水潭医院")
_COMPLAINTS = (
    ("E11.9", "2型糖尿病"),
    ("I10", "原发性高血压"),
    ("J06.9", "急性上呼吸道感染"),
    ("M54.5", "腰痛"),
    ("K29.7", "胃炎"),
)
_PSYCHIATRIC_COMPLAINTS = (("F32.9", "抑郁发作"), ("F41.1", "广泛性焦虑障碍"))
_MEDICINES = (
    ("二甲双胍片", "500"),
    ("氨氯地平片", "5"),
    ("布洛芬缓释胶囊", "300"),
    ("奥美拉唑肠溶胶囊", "20"),
)
_LABORATORY = (
    ("14749-6", "葡萄糖", "mmol/L", 390, 1120),
    ("2823-3", "血钾", "mmol/L", 340, 540),
    ("2160-0", "肌酐", "umol/L", 4400, 11000),
)
"""LOINC code, name, unit, and the range in hundredths of the unit."""
_REPORTS = ("胸部CT平扫未见明显异常。", "双肺纹理增粗，建议随访。", "腰椎轻度退行性变。")
_VISITS = "urn:cityledger:demo:visits"
"""The system of the hospitals' visit numbers, by which a record can be found."""
_ICD_10 = "http://hl7.org/fhir/sid/icd-10"
_LOINC = "http://loinc.org"
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def treatment(random: Random, person: Person, number: int, at: datetime, *, psychiatric: bool) -> Draft:
    """One encounter with findings, prescriptions and measurements; imaging for about one in three."""
    begun = at - timedelta(minutes=random.randint(60, 60 * 24 * 90))
    complaint = random.choice(_PSYCHIATRIC_COMPLAINTS if psychiatric else _COMPLAINTS)
    name = f"{'JS' if psychiatric else 'MZ'}-{begun:%Y}-{number:06}"
    parts: dict[str, object] = {
        "summary": _encounter(random, person, complaint, begun, name),
        "medication": [_prescription(random, person, begun)],
        "observations": [_laboratory(random, begun, person) for _ in range(random.randint(1, 3))],
        "conditions": _diagnosis(person, complaint, begun),
    }
    if random.random() < 1 / 3:
        parts["imaging_report"] = _imaging_report(random, person, begun)
    return Draft(name, (person.key,), parts)


def sentinel_report(random: Random, number: int, at: datetime) -> Draft:
    """An anonymous encounter: no subject, the day only, and one measurement."""
    day = at - timedelta(days=random.randrange(90))
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": _ACT_CODE, "code": "AMB"},
        "period": {"start": f"{day:%Y-%m-%d}"},
        "reasonCode": [_coded(_ICD_10, *random.choice(_COMPLAINTS))],
    }
    return Draft(
        f"SB-{day:%Y}-{number:06}",
        (),
        {"summary": encounter, "observations": [_laboratory(random, day, None)]},
    )


def _encounter(
    random: Random, person: Person, complaint: tuple[str, str], begun: datetime, name: str
) -> Mapping[str, object]:
    ended = begun + timedelta(minutes=random.randint(8, 45))
    return {
        "resourceType": "Encounter",
        "identifier": [{"system": _VISITS, "value": name}],
        "status": "finished",
        "class": {"system": _ACT_CODE, "code": "AMB", "display": "门诊"},
        "subject": {"display": person.name},
        "period": {"start": _instant(begun), "end": _instant(ended)},
        "reasonCode": [_coded(_ICD_10, *complaint)],
        "serviceProvider": {"display": random.choice(_HOSPITALS)},
    }


def _prescription(random: Random, person: Person, begun: datetime) -> Mapping[str, object]:
    name, milligrams = random.choice(_MEDICINES)
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": f"{name} {milligrams}mg"},
        "subject": {"display": person.name},
        "authoredOn": _instant(begun),
        "dosageInstruction": [{"text": f"每日{random.randint(1, 3)}次，每次1片"}],
    }


def _laboratory(random: Random, begun: datetime, person: Person | None) -> Mapping[str, object]:
    code, name, unit, low, high = random.choice(_LABORATORY)
    subject = {"subject": {"display": person.name}} if person else {}
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": _coded(_LOINC, code, name),
        **subject,
        "effectiveDateTime": _instant(begun) if person else f"{begun:%Y-%m-%d}",
        "valueQuantity": {"value": decimal(random, low, high), "unit": unit},
    }


def _diagnosis(person: Person, complaint: tuple[str, str], begun: datetime) -> Mapping[str, object]:
    return {
        "resourceType": "Condition",
        "code": _coded(_ICD_10, *complaint),
        "subject": {"display": person.name},
        "recordedDate": _instant(begun),
    }


def _imaging_report(random: Random, person: Person, begun: datetime) -> Mapping[str, object]:
    return {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"text": "影像检查"},
        "subject": {"display": person.name},
        "effectiveDateTime": _instant(begun),
        "conclusion": random.choice(_REPORTS),
    }


def _coded(system: str, code: str, display: str) -> Mapping[str, object]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
