"""Synthetic people with Chinese names. No name, date or number is a real person's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

_FAMILY_NAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
_FEMALE_NAMES = ("秀英", "桂兰", "丽", "静", "敏", "雪梅", "婷婷", "玉珍", "晓燕", "欣怡", "子涵", "雅琴")
_MALE_NAMES = ("伟", "强", "磊", "建国", "志明", "浩然", "子轩", "军", "海涛", "文博", "宇航", "立新")
_BIRTHS_FROM = date(1935, 1, 1)
_BIRTH_DAYS = 30_000


@dataclass(frozen=True, slots=True)
class Person:
    """``key`` is the demo's own name for the person; providers map it to their random subjects."""

    key: str
    name: str
    gender: str
    birth_date: date


def people(random: Random, count: int) -> tuple[Person, ...]:
    """People, the same for the same seed."""
    return tuple(_person(random, number) for number in range(1, count + 1))


def _person(random: Random, number: int) -> Person:
    gender = random.choice(("female", "male"))
    given = random.choice(_FEMALE_NAMES if gender == "female" else _MALE_NAMES)
    birth = _BIRTHS_FROM + timedelta(days=random.randrange(_BIRTH_DAYS))
    return Person(f"person-{number:05}", random.choice(_FAMILY_NAMES) + given, gender, birth)
