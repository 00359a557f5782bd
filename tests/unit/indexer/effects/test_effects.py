from __future__ import annotations

import inspect
import typing

from cityledger.chain.contracts import Event
from cityledger.indexer.effects import EFFECTS


def test_every_event_has_an_effect() -> None:
    assert set(EFFECTS) == set(typing.get_args(Event))


def test_each_effect_accepts_the_event_that_it_is_registered_for() -> None:
    for kind, effect in EFFECTS.items():
        (_, parameter, _) = inspect.signature(effect, eval_str=True).parameters.values()
        assert parameter.annotation is kind, effect
