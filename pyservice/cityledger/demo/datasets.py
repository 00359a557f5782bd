"""The datasets of the demo city: three profiles, each in all three sharing classes, and the purposes."""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.profiles import registry
from cityledger.types import NO_END, Openness, SharingClass, Terms, purpose_from_name

_YEAR = 365 * 86_400
_DAY = 86_400

PURPOSES: dict[str, str] = {
    "TREATMENT": "诊疗",
    "INSURANCE_CLAIM": "医保结算",
    "PUBLIC_HEALTH": "公共卫生",
    "MORTGAGE_CHECK": "抵押核验",
    "TAX_ASSESSMENT": "税费核定",
    "HOUSING_ELIGIBILITY": "住房资格审核",
    "JUDICIAL_ENFORCEMENT": "司法执行",
    "SOCIAL_ASSISTANCE": "社会救助",
    "URBAN_PLANNING": "城市规划",
    "TRAFFIC_MANAGEMENT": "交通管理",
    "PARKING_GUIDANCE": "停车诱导",
    "EMERGENCY_RESPONSE": "应急处置",
    "LAW_ENFORCEMENT": "执法检查",
    "STATISTICS": "统计",
}
"""The city's list with its local names. ``OWN_DUTY`` and ``EMERGENCY`` are purposes without it."""


@dataclass(frozen=True, slots=True)
class DemoDataset:
    """A dataset to publish. ``provider`` is an agency's code, ``path`` is ``duty/entry/dataset``."""

    path: str
    title: str
    local_title: str
    provider: str
    profile: str
    sharing_class: SharingClass
    purposes: tuple[str, ...]
    retention_seconds: int
    dispute_period_seconds: int

    @property
    def parts(self) -> tuple[str, ...]:
        """Part names in part-bit order: those of the profile."""
        return registry.get(self.profile).part_names

    @property
    def terms(self) -> Terms:
        """The terms in the contract's form, purposes ascending (SPEC.md §2.4)."""
        return Terms(
            sharing_class=self.sharing_class,
            openness=Openness.CLOSED,
            consent_required=False,
            emergency_allowed=False,
            purposes=tuple(sorted(map(purpose_from_name, self.purposes))),
        )


DATASETS = (
    DemoDataset(
        path="health-services/treatment/outpatient-encounters",
        title="Outpatient encounters",
        local_title="门诊诊疗记录",
        provider="health",
        profile="medical",
        sharing_class=SharingClass.CONDITIONAL,
        purposes=("TREATMENT", "INSURANCE_CLAIM", "PUBLIC_HEALTH", "SOCIAL_ASSISTANCE"),
        retention_seconds=15 * _YEAR,
        dispute_period_seconds=15 * _DAY,
    ),
    DemoDataset(
        path="health-services/surveillance/sentinel-reports",
        title="Sentinel surveillance reports without patients",
        local_title="哨点监测报告（去标识）",
        provider="health",
        profile="medical",
        sharing_class=SharingClass.UNCONDITIONAL,
        purposes=("PUBLIC_HEALTH", "EMERGENCY_RESPONSE", "STATISTICS"),
        retention_seconds=5 * _YEAR,
        dispute_period_seconds=0,
    ),
    DemoDataset(
        path="health-services/treatment/psychiatric-encounters",
        title="Psychiatric encounters",
        local_title="精神科诊疗记录",
        provider="health",
        profile="medical",
        sharing_class=SharingClass.NOT_SHARED,
        purposes=("TREATMENT",),
        retention_seconds=30 * _YEAR,
        dispute_period_seconds=15 * _DAY,
    ),
    DemoDataset(
        path="real-estate/registration/titles",
        title="Real-estate titles",
        local_title="不动产登记簿",
        provider="planning-resources",
        profile="property",
        sharing_class=SharingClass.CONDITIONAL,
        purposes=("MORTGAGE_CHECK", "TAX_ASSESSMENT", "HOUSING_ELIGIBILITY", "JUDICIAL_ENFORCEMENT"),
        retention_seconds=NO_END,
        dispute_period_seconds=30 * _DAY,
    ),
    DemoDataset(
        path="real-estate/land/state-parcels",
        title="Parcels of state-owned land",
        local_title="国有土地宗地",
        provider="planning-resources",
        profile="property",
        sharing_class=SharingClass.UNCONDITIONAL,
        purposes=("URBAN_PLANNING", "TAX_ASSESSMENT", "STATISTICS"),
        retention_seconds=NO_END,
        dispute_period_seconds=0,
    ),
    DemoDataset(
        path="real-estate/registration/contested-titles",
        title="Titles under review",
        local_title="争议不动产登记",
        provider="planning-resources",
        profile="property",
        sharing_class=SharingClass.NOT_SHARED,
        purposes=("JUDICIAL_ENFORCEMENT",),
        retention_seconds=NO_END,
        dispute_period_seconds=30 * _DAY,
    ),
    DemoDataset(
        path="transport/parking/on-street",
        title="On-street parking occupancy",
        local_title="路侧停车动态",
        provider="transport",
        profile="parking",
        sharing_class=SharingClass.UNCONDITIONAL,
        purposes=("TRAFFIC_MANAGEMENT", "PARKING_GUIDANCE", "EMERGENCY_RESPONSE", "STATISTICS"),
        retention_seconds=_YEAR,
        dispute_period_seconds=0,
    ),
    DemoDataset(
        path="transport/parking/garages",
        title="Public garages",
        local_title="公共停车场动态",
        provider="transport",
        profile="parking",
        sharing_class=SharingClass.CONDITIONAL,
        purposes=("TRAFFIC_MANAGEMENT", "PARKING_GUIDANCE", "LAW_ENFORCEMENT"),
        retention_seconds=_YEAR,
        dispute_period_seconds=0,
    ),
    DemoDataset(
        path="public-security/parking/protected-sites",
        title="Parking at protected sites",
        local_title="重点单位停车位",
        provider="public-security",
        profile="parking",
        sharing_class=SharingClass.NOT_SHARED,
        purposes=("LAW_ENFORCEMENT",),
        retention_seconds=_YEAR,
        dispute_period_seconds=0,
    ),
)


def dataset(path: str) -> DemoDataset:
    """The dataset at that path.

    Raises:
        KeyError: the demo city does not have it.
    """
    return _BY_PATH[path]


_BY_PATH = {one.path: one for one in DATASETS}
