# Made by scripts/make_sync_client.py from client/_async: change that, and run it again.
"""Calls that send files of records, and report the outcomes of their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from cityledger.client._sync.calls import Calls
from cityledger.client.access_context import OWN_DUTY, AccessContext
from cityledger.client.concurrency import sleep
from cityledger.client.forms.imports import (
    SENT,
    Import,
    ImportList,
    ImportRow,
    ImportRowsPage,
    import_params,
)
from cityledger.client.http.address import dataset_path
from cityledger.client.http.messages import Request
from cityledger.client.http.uploads import Upload
from cityledger.formats.options import ImportOptions
from cityledger.types import DatasetId

_PAGE_ROWS = 1000
_PAGE_IMPORTS = 1000


class ImportCalls(Calls):
    def start_import(
        self,
        dataset: DatasetId,
        stream: BinaryIO,
        format: str,  # noqa: A002 - the usual name
        options: ImportOptions | None = None,
        *,
        dry_run: bool = False,
        context: AccessContext = OWN_DUTY,
        sent: Callable[[int], None] | None = None,
    ) -> Import:
        """The import of a file, plain or gzip, once the file is durable; the node imports it in the
        background.

        A file that is being imported already continues where it is. One that was imported before is imported
        again if the dataset was written to since; else the answer is a repeat (``repeat_of``), and nothing is
        written. ``sent`` is called with the number of bytes sent.

        Raises:
            FieldError: the format does not exist, is not of the dataset's profile, or lacks an option.
            TooLargeError: over the node's limit, or with a higher compression ratio than is accepted.
            DeniedError: the rules deny.
        """
        upload = Upload(stream, sent)
        request = Request(
            "POST",
            dataset_path(dataset) + "/imports",
            params=import_params(format, options or ImportOptions(), dry_run=dry_run),
            headers={"Content-Type": SENT},
            upload=upload,
        )
        return self._ask(Import, request, context)

    def get_import(self, id: str) -> Import:  # noqa: A002 - what the answer calls it
        """The present state of an import.

        Raises:
            NotFoundError: the caller's agency has no such import.
        """
        return self._ask(Import, Request("GET", f"/v1/imports/{id}"))

    def wait_import(
        self,
        id: str,  # noqa: A002 - what the answer calls it
        progress: Callable[[Import], None] | None = None,
        *,
        pause_seconds: float = 0.5,
    ) -> Import:
        """The import once it is done or stopped; it is requested every ``pause_seconds``, and ``progress`` is
        called with each state.

        Raises: as ``get_import``.
        """
        while True:
            found = self.get_import(id)
            if progress is not None:
                progress(found)
            if found.is_finished:
                return found
            sleep(pause_seconds)

    def imports(self, limit: int | None = 100) -> tuple[Import, ...]:
        """The newest imports of the caller's agency, newest first: at most ``limit``, or all for None."""
        found: list[Import] = []
        params: dict[str, str] = {}
        while True:
            wanted = _PAGE_IMPORTS if limit is None else min(limit - len(found), _PAGE_IMPORTS)
            params["limit"] = str(wanted)
            page = self._ask(ImportList, Request("GET", "/v1/imports", dict(params)))
            found += page.imports
            if page.next is None or len(found) == limit:
                return tuple(found)
            params["after"] = page.next

    def import_rows(
        self,
        id: str,  # noqa: A002 - what the answer calls it
        verdict: str = "rejected",
    ) -> Iterator[ImportRow]:
        """Every row with a verdict (rejected, flagged or duplicate), in the order of the file."""
        params = {"verdict": verdict, "limit": str(_PAGE_ROWS)}
        while True:
            page = self._ask(ImportRowsPage, Request("GET", f"/v1/imports/{id}/rows", dict(params)))
            yield from page.rows
            if page.next is None:
                return
            params["after"] = page.next
