"""The loop: truth moves, the camera looks, somebody perceives, the filter believes and burns are made of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from examples.rendezvous.dynamics import ACCELERATION, WAYPOINTS, impulse_to, thrust_error, transition
from examples.rendezvous.navigation import Belief, Filter, Sight, nees
from examples.rendezvous.pointing import Search
from examples.rendezvous.world import View

Array = NDArray[np.float64]
END_S = 300
DEVIATION = np.array([15.0, 40.0, 15.0, 0.1, 0.1, 0.1])
"""Of what is known at the start, m and m/s."""
Perceive = Callable[[float, View], list[Sight]]
"""Time and view to sights in the optical frame."""


class Looks(Protocol):
    """What the camera sees; see `World`."""

    length_m: float

    def look(
        self,
        time: float,
        chaser: Array,
        guess: Array,
        *,
        glare: bool = False,
        visitor: float | None = None,
        aside: tuple[float, float] = (0.0, 0.0),
    ) -> View: ...


@dataclass(frozen=True, slots=True)
class Faults:
    """What befalls a flight: seconds, from and to."""

    dead: tuple[float, float] = (0.0, 0.0)
    """Nobody perceives: the node was killed, and starts anew."""
    dazzled: tuple[float, float] = (0.0, 0.0)
    visitor: tuple[float, float] = (0.0, 0.0)
    late: tuple[float, float] = (0.0, 0.0)
    """Answers come three seconds late."""
    lost: float = 0.0
    """Share of the frames that never come."""


NO_FAULTS = Faults()
ALL_FAULTS = Faults(dead=(70, 90), dazzled=(130, 145), visitor=(165, 178), late=(200, 230), lost=0.15)
LATE_S = 3.0


@dataclass(slots=True)
class Log:
    """A flight, second by second."""

    length_m: float
    times: list[float] = field(default_factory=list)
    truths: list[Array] = field(default_factory=list)
    beliefs: list[Belief] = field(default_factory=list)
    nees: list[float] = field(default_factory=list)
    seen: list[bool] = field(default_factory=list)
    views: list[View | None] = field(default_factory=list)
    sights: list[list[Sight]] = field(default_factory=list)
    accepted: int = 0
    refused: int = 0


def fly(
    world: Looks,
    perceive: Perceive,
    seed: int,
    faults: Faults = NO_FAULTS,
    *,
    keep_views: bool = False,
    befall: Callable[[float], None] = lambda time: None,
) -> Log:
    """Fly from 500 m to 20 m, with the same random draws whoever perceives; `befall` is told each second."""
    rng = np.random.default_rng([seed, 8])
    guess = np.array([*WAYPOINTS[0][1], 0.0, 0.0, 0.0])
    truth = guess + rng.normal(0, DEVIATION)
    filter_ = Filter(guess, DEVIATION, world.length_m)
    log = Log(world.length_m)
    search = Search(world.length_m)
    waiting: list[tuple[float, list[Sight]]] = []
    burns = {time: WAYPOINTS[i + 1] for i, (time, _) in enumerate(WAYPOINTS[:-1])}
    for second in range(END_S + 1):
        time = float(second)
        befall(time)
        if second:
            truth = transition(1.0) @ truth + np.array([*[0.0] * 3, *rng.normal(0, ACCELERATION, 3)])
            filter_.go(time)
        if time in burns:
            goal_time, goal = burns[time]
            impulse = impulse_to(filter_.belief.mean[:6], np.array(goal), goal_time - time)
            truth[3:] += impulse + thrust_error(impulse, rng)
            filter_.burn(impulse)
        lost = rng.random() < faults.lost or _within(time, faults.dead)
        view, sights = None, []
        if not lost:
            visitor = (time - faults.visitor[0]) / max(faults.visitor[1] - faults.visitor[0], 1.0)
            view = world.look(
                time, truth[:3], filter_.belief.mean[:3], glare=_within(time, faults.dazzled),
                visitor=visitor if _within(time, faults.visitor) else None, aside=search.aside(filter_.belief),
            )  # fmt: skip
            sights = [_turned(s, view.to_optical) for s in perceive(time, view)]
            waiting.append((time + (LATE_S if _within(time, faults.late) else 0.0), sights))
        due = [s for at, s in waiting if at <= time]
        waiting = [(at, s) for at, s in waiting if at > time]
        taken = [filter_.see(s) for s in due]
        if view is not None:
            search.looked(any(taken), filter_.watching)
        log.times.append(time)
        log.truths.append(truth.copy())
        log.beliefs.append(filter_.belief)
        log.nees.append(nees(filter_.belief, truth))
        log.seen.append(any(taken))
        log.views.append(view if keep_views else None)
        log.sights.append(sights)
    log.accepted, log.refused = filter_.accepted, filter_.refused
    return log


def _within(time: float, span: tuple[float, float]) -> bool:
    return span[0] <= time < span[1]


def _turned(sight: Sight, to_optical: Array) -> Sight:
    back = to_optical.T
    return Sight(
        sight.time, sight.identity, back @ sight.direction, back @ sight.covariance @ back.T, sight.metres, sight.sigma
    )
