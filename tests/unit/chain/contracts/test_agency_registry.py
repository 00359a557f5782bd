from __future__ import annotations

from cityledger.chain.contracts.agency_registry import Appointment, OfficerAppointed
from cityledger.chain.contracts.decoding import decode_logs
from cityledger.types import Address, AgencyId, Role
from support.chain.raw_logs import EVENTS, raw_log


def test_officer_appointed_is_read_with_its_types() -> None:
    officer = Address("0x" + "22" * 20)
    log = raw_log(
        EVENTS["AgencyRegistry.OfficerAppointed"],
        {"agency": 7, "account": officer, "appointment": (int(Role.STEWARD), 99, 2)},
    )
    appointment = Appointment(Role.STEWARD, until=99, epoch=2)
    assert decode_logs([log])[0].event == OfficerAppointed(AgencyId(7), officer, appointment)
