"""The health of one hop: a fold over what has come of it (RFC 3263 4.3, RFC 3261 21.5.4).

    well ---down_after failures in a row---> suspect ---up_after successes in a row---> well
    either ---503 with Retry-After---> barred until then, and suspect

A suspect hop is tried last. Now and then one call may try it as if it were well: after an eighth of
``trial_after``, then after a quarter, after half, and from then on after all of it. Probes that
fail put that off; calls that fail do not, or whoever sends what no gateway answers could keep them
all out for good. Neither a success nor a failure ends a bar before its time.
"""

from sansip.dispatch.members import Thresholds
from sansip.value import value

NEWEST = 0.1  # how much one answered probe weighs in the latency
HASTY = 3  # trials before ``trial_after`` holds in full; each waits half as long as the next


@value
class Health:
    """What is known of a hop. A new one is well."""

    failures: int = 0  # in a row, and no more than make it suspect
    needed: int = 0  # successes in a row that end the suspicion; 0: it is not suspect
    until: float = 0.0  # while it is suspect: from then on one call may try it
    barred: float | None = None  # it has asked for nothing before this time
    since: float = 0.0  # when it became suspect
    why: str = ""  # what happened last that was bad
    latency: float | None = None  # seconds, of the probes that were answered
    trials: int = 0  # calls that were let through while it was suspect, as far as that matters


WELL = Health()


def asleep(at: float, thresholds: Thresholds) -> Health:
    """Of a hop that counts as suspect until something is heard of it."""
    return Health(0, 1, at + patience(0, thresholds), None, at, "nothing heard of it yet")


def patience(trials: int, thresholds: Thresholds) -> float:
    """How long a suspect hop waits for its next trial, after so many."""
    return thresholds.trial_after / 2.0 ** (HASTY - trials)


def is_suspect(health: Health, at: float) -> bool:
    """Whether a call had better try this hop last."""
    if health.barred is not None and at < health.barred:
        return True
    return health.needed > 0 and at < health.until


def is_well(health: Health) -> bool:
    """Whether nothing at all speaks against it, now or later."""
    return not health.needed and health.barred is None


def is_plain(health: Health) -> bool:
    """Whether there is nothing to remember."""
    return is_well(health) and not health.failures and health.latency is None


def failed(
    health: Health, at: float, thresholds: Thresholds, why: str, *, probed: bool = False
) -> Health:
    """Nothing came of it: silence, a transport error, or a probe without an answer (``probed``)."""
    failures = min(health.failures + 1, thresholds.down_after)
    suspect = bool(health.needed) or failures >= thresholds.down_after
    until = health.until
    if suspect and (probed or not health.needed):
        until = at + patience(health.trials, thresholds)
    return Health(
        failures,
        thresholds.up_after if suspect else 0,
        until,
        health.barred,
        health.since if health.needed or not suspect else at,
        why,
        health.latency,
        health.trials,
    )


def succeeded(health: Health, at: float, latency: float | None = None) -> Health:
    """It has answered, whatever it said."""
    barred = None if health.barred is None or at >= health.barred else health.barred
    needed = max(0, health.needed - 1)
    latency = health.latency if latency is None else smoothed(health.latency, latency)
    until, since = (health.until, health.since) if needed else (0.0, 0.0)
    why = "" if barred is None and not needed else health.why
    trials = health.trials if needed else 0
    return Health(0, needed, until, barred, since, why, latency, trials)


def smoothed(before: float | None, latest: float) -> float:
    """A latency, with the newest one taken into account."""
    return latest if before is None else before + NEWEST * (latest - before)


def asked_to_wait(
    health: Health, at: float, seconds: float, thresholds: Thresholds, why: str
) -> Health:
    """It has answered 503 with this Retry-After; believed up to ``thresholds.penalty``."""
    if seconds <= 0:
        return health
    barred = at + min(seconds, thresholds.penalty)
    if health.barred is not None:
        barred = max(barred, health.barred)
    # After that it gets one call, and not at once all that it could not take.
    until = max(barred, health.until) if health.needed else barred
    return Health(
        health.failures,
        health.needed or thresholds.up_after,
        until,
        barred,
        health.since if health.needed else at,
        why,
        health.latency,
        health.trials,
    )


def tried(health: Health, at: float, thresholds: Thresholds) -> Health:
    """A call tries it: if that is its trial, the next one is later.

    It may not be: when all are suspect all are tried, and that puts nothing off.
    """
    if not health.needed or is_suspect(health, at):
        return health
    trials = min(health.trials + 1, HASTY)
    return Health(
        health.failures,
        health.needed,
        at + patience(trials, thresholds),
        health.barred,
        health.since,
        health.why,
        health.latency,
        trials,
    )
