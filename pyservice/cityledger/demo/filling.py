"""Writes the demo's records through the node's HTTP API, as the providers' own systems would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

from cityledger.client import Client
from cityledger.client.access_context import OWN_DUTY
from cityledger.demo.datasets import DATASETS, DemoDataset
from cityledger.demo.records import DemoRecord, records
from cityledger.demo.stage import Stage
from cityledger.types import DatasetId, Role, SubjectId

PERSON_SYSTEM = "urn:cityledger:demo:person"
RECORDS_PER_DATASET = 36
_WRITERS = 8
_BEIJING = timezone(timedelta(hours=8))

Progress = Callable[[str, int, int], None]


def fill(stage: Stage, progress: Progress) -> int:
    """Writes every dataset's records; returns their number."""
    jobs = [(one, record) for one in DATASETS for record in _records(stage, one)]
    subjects = _resolve(stage, progress)
    with ThreadPoolExecutor(_WRITERS) as pool:
        for done, (path, name) in enumerate(pool.map(lambda job: _write(stage, subjects, *job), jobs), 1):
            stage.records.setdefault(path, []).append(name)
            progress("records written", done, len(jobs))
    return len(jobs)


def _records(stage: Stage, dataset: DemoDataset) -> Iterator[DemoRecord]:
    now = datetime.now(_BEIJING).replace(microsecond=0)
    return records(dataset.path, stage.random, stage.people, RECORDS_PER_DATASET, now)


def _resolve(stage: Stage, progress: Progress) -> dict[tuple[str, str], SubjectId]:
    """(provider, person) → the provider's pseudonym; a provider's datasets share it."""
    by_provider = {dataset.provider: stage.dataset_id(dataset.path) for dataset in DATASETS}
    jobs = [(code, one, person.key) for code, one in by_provider.items() for person in stage.people]
    found: dict[tuple[str, str], SubjectId] = {}
    with ThreadPoolExecutor(_WRITERS) as pool:
        for done, (job, subject) in enumerate(pool.map(lambda job: (job, _subject(stage, *job)), jobs), 1):
            found[job[0], job[2]] = subject
            progress("people given pseudonyms", done, len(jobs))
    return found


def _subject(stage: Stage, code: str, dataset: DatasetId, person: str) -> SubjectId:
    client: Client = stage.client_of(code, Role.WRITER)
    subject = client.resolve_subject(dataset, PERSON_SYSTEM, person, OWN_DUTY)
    if subject is None:
        raise LookupError("the node returned no pseudonym to the provider")
    return subject


def _write(
    stage: Stage, subjects: dict[tuple[str, str], SubjectId], dataset: DemoDataset, record: DemoRecord
) -> tuple[str, str]:
    about = sorted(subjects[dataset.provider, person] for person in record.persons)
    client = stage.client_of(dataset.provider, Role.WRITER)
    client.put_record(stage.dataset_id(dataset.path), record.provider_id, record.parts, subjects=about)
    return dataset.path, record.provider_id
