"""The gauges of a node: their names, and when an operator should look. Labels have few and fixed values."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily


@dataclass(frozen=True, slots=True)
class Gauge:
    name: str
    help: str
    labels: tuple[str, ...] = ()

    def family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(self.name, self.help, labels=self.labels)


CHECK_OK = Gauge(
    "cityledger_check_ok",
    "1 where this line of /readyz is ok, 0 where not. Alert at 0 for a minute.",
    ("check",),
)
OLDEST_UNANCHORED = Gauge(
    "cityledger_oldest_unanchored_leaf_age_seconds",
    "Age of the oldest leaf that the chain does not hold, 0 for none. Alert over batch_max_age_seconds plus"
    " five minutes.",
    ("kind",),
)
UNANCHORED = Gauge(
    "cityledger_unanchored_leaves",
    "Leaves that the chain does not hold. Alert when it only grows.",
    ("kind",),
)
HALTED = Gauge(
    "cityledger_halted_logs",
    "Logs that stopped and that no other has taken the place of. Alert over 0: `cityledger node logs`.",
    ("cause",),
)
LAG_BLOCKS = Gauge(
    "cityledger_index_lag_blocks", "Blocks that the index is behind its endpoint. Alert over 10 for a minute."
)
LAG_SECONDS = Gauge(
    "cityledger_index_lag_seconds",
    "Age of the newest indexed block. Alert over half of staleness_limit_seconds: at all of it reads stop.",
)
PURGE_DUE = Gauge(
    "cityledger_oldest_unpurged_erasure_age_seconds",
    "Age of the oldest destroyed key that may still be in the database's files, 0 for none. Alert over 60.",
)
INDEX_HALTED = Gauge(
    "cityledger_index_halted",
    "1 once the index has stopped until a rebuild. Alert at 1: `cityledger node rebuild`.",
)
READS_STOPPED = Gauge(
    "cityledger_reads_stopped",
    "1 once contract and index were found to disagree, or the city's policy has other rules. Alert at 1.",
)
QUEUE = Gauge(
    "cityledger_journal_waiting_writes", "Writes that no commit has taken yet. Alert over 1,000 for a minute."
)
BALANCE = Gauge(
    "cityledger_operator_balance_ether",
    "What the operator's account can pay with. Alert under what a week of anchoring costs.",
)
NONCE = Gauge("cityledger_operator_nonce", "Mined transactions of the operator. No alert; it should move.")
PENDING = Gauge(
    "cityledger_pending_transactions",
    "Signed transactions of the operator that are not mined. Alert over 0 for ten minutes.",
)
BUMPS = Gauge(
    "cityledger_pending_fee_bumps",
    "Replacements among the transactions that are not mined. Alert over 3: the fee is at its limit.",
)
AT_CAP = Gauge(
    "cityledger_operator_waits_at_fee_limit",
    "1 while a transaction needs a higher fee than max_fee_gwei, at the process that anchors. Alert at 1 for"
    " ten minutes: raise it, or wait.",
)
ENDPOINT_UP = Gauge(
    "cityledger_endpoint_up",
    "Whether the URL of rpc_url at this place, from 0, answers and serves the chain. Alert at 0 for five"
    " minutes.",
    ("endpoint",),
)
ALTERED = Gauge(
    "cityledger_altered_reads",
    "Reads since the start that found altered stored bytes. Alert over 0:"
    " `cityledger node scrub`; the log names log and number.",
)
IMPORTS = Gauge("cityledger_imports_waiting", "Files to import that are not done. Alert when it only grows.")

GAUGES = (
    CHECK_OK,
    OLDEST_UNANCHORED,
    UNANCHORED,
    HALTED,
    LAG_BLOCKS,
    LAG_SECONDS,
    PURGE_DUE,
    INDEX_HALTED,
    READS_STOPPED,
    QUEUE,
    BALANCE,
    NONCE,
    PENDING,
    BUMPS,
    AT_CAP,
    ENDPOINT_UP,
    ALTERED,
    IMPORTS,
)
