"""Curves as a plain SVG: two axes from zero, a line and a label for each. Opens in any browser."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP = 900, 480, 80, 50, 200, 20
COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#b9770e", "#34495e", "#16a085")
TICKS = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """``points`` are (x, y), both from 0 up."""

    name: str
    points: list[tuple[float, float]]


def write_svg(path: Path, curves: list[Curve], x_label: str, y_label: str) -> None:
    """Writes one picture; makes its folder where it is missing."""
    x_end = max((x for curve in curves for x, _ in curve.points), default=1.0) or 1.0
    y_end = max((y for curve in curves for _, y in curve.points), default=1.0) * 1.05 or 1.0
    drawn = [_axes(x_end, y_end, x_label, y_label)]
    for number, curve in enumerate(curves):
        drawn.append(_line(curve, number, x_end, y_end))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def _x(value: float, end: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * value / end


def _y(value: float, end: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / end


def _axes(x_end: float, y_end: float, x_label: str, y_label: str) -> str:
    drawn = []
    for step in range(TICKS + 1):
        x, y = x_end * step / TICKS, y_end * step / TICKS
        drawn += [
            f'<path d="M{LEFT} {_y(y, y_end):.1f} H{WIDTH - RIGHT}" stroke="#ddd"/>',
            f'<text x="{LEFT - 8}" y="{_y(y, y_end) + 4:.1f}" text-anchor="end">{y:,.4g}</text>',
            f'<text x="{_x(x, x_end):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:,.0f}</text>',
        ]
    middle = (HEIGHT - BOTTOM + TOP) / 2
    at_bottom, at_left = f'x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}"', f'x="18" y="{middle}"'
    turned = f'transform="rotate(-90 18 {middle})"'
    drawn += [
        f'<text {at_bottom} text-anchor="middle">{escape(x_label)}</text>',
        f'<text {at_left} text-anchor="middle" {turned}>{escape(y_label)}</text>',
    ]
    return "\n".join(drawn)


def _line(curve: Curve, number: int, x_end: float, y_end: float) -> str:
    colour = COLOURS[number % len(COLOURS)]
    points = " ".join(f"{_x(x, x_end):.1f},{_y(y, y_end):.1f}" for x, y in curve.points)
    label_y = TOP + 20 + 18 * number
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>\n'
        f'<text x="{WIDTH - RIGHT + 12}" y="{label_y}" fill="{colour}">{escape(curve.name)}</text>'
    )
