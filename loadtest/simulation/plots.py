"""The two pictures: what a plan does with a trace, and what latency costs at several sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loadtest.simulation.outcome import Moment, Outcome
from loadtest.simulation.search import Choice
from loadtest.simulation.svg import Limit, Line, Panel, chart

# More points than this are not seen at this width.
MOST_POINTS = 600


def scaling(outcome: Outcome, p95_ms: float | None = None) -> str:
    """Draw traffic, instances and latency over time."""
    groups = _thinned(outcome.moments)
    hours = groups[-1][-1].at_s > 3 * 3600
    scale = 3600.0 if hours else 60.0
    at = [group[0].at_s / scale for group in groups]

    def line(name: str, values: Sequence[float | None]) -> Line:
        return Line(name, list(zip(at, values, strict=True)))

    # The worst of each group: an average would hide the spike that the plot is looked at for.
    p95 = [max((m.p95_ms for m in group if m.p95_ms is not None), default=None) for group in groups]
    refused = [sum(m.refused for m in group) / (10.0 * len(group)) for group in groups]
    traffic = [line("arriving", [max(m.rate for m in group) for group in groups])]
    if any(refused):
        traffic.append(line("refused", refused))
    limit = Limit(p95_ms, f"objective {_ms(p95_ms)}") if p95_ms is not None else None
    panels = [
        Panel("requests per second", traffic, _count),
        Panel(
            "instances",
            [
                line("in service", [group[-1].instances for group in groups]),
                line("paid for", [group[-1].paid for group in groups]),
            ],
            _count,
        ),
        Panel("p95 of every ten seconds", [line("p95", p95)], _ms, limit, log=True),
    ]
    shares = f"{outcome.instance_hours:,.1f} instance hours, p95 {_ms(outcome.p95_ms)}"
    shares += f", {outcome.dropped_share:.3%} dropped"
    return chart(f"Scaling over the trace: {shares}", panels, "hours" if hours else "minutes")


def frontiers(
    found: Mapping[str, tuple[float, Sequence[Choice]]], p95_ms: float | None = None, price: float | None = None
) -> str:
    """Draw p95 against cost, one line per size: name -> (requests in the trace, choices on the frontier).

    Cost is money where an hour has a price, and instance hours otherwise.
    """
    lines = []
    for name, (requests, choices) in found.items():
        points = [(c.outcome.instance_hours / requests * 1e6 * (price or 1.0), c.outcome.p95_ms) for c in choices]
        if points:
            lines.append(Line(name, points))
    limit = Limit(p95_ms, f"objective {_ms(p95_ms)}") if p95_ms is not None else None
    panel = Panel("p95 of all requests", lines, _ms, limit, log=True, dots=True)
    x_name = "instance hours per million requests" if price is None else f"cost per million requests at {price:g}/h"
    return chart("What latency costs", [panel], x_name, log_x=True, height=380)


def _thinned(moments: Sequence[Moment]) -> list[Sequence[Moment]]:
    size = max(1, -(-len(moments) // MOST_POINTS))
    return [moments[start : start + size] for start in range(0, len(moments), size)]


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.3g} ms"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
