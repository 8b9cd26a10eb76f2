"""A stage whose groups are probed, and gateways that answer OPTIONS or do not."""

import sansip
from sansip.message import reply
from stage import GW_1, GW_2, Stage, ToGroup, Whatever, config

EVERY_2 = sansip.Probing(every=2.0)  # each has 1.6 s for its answer
LITERAL = (f"sip:{GW_1}", f"sip:{GW_2}")


def group(
    *members: str | sansip.Member, probing: sansip.Probing | None = EVERY_2, **thresholds: Whatever
) -> sansip.Group:
    """A group of these members, or else of two gateways by their addresses."""
    made = [m if isinstance(m, sansip.Member) else sansip.Member(m) for m in members or LITERAL]
    return sansip.Group(tuple(made), probing, sansip.Thresholds(**thresholds))


def on_watch(
    groups: sansip.Group | dict[str, sansip.Group] | None = None,
    zone: Whatever = None,
    **options: Whatever,
) -> Stage:
    """A stage on which these groups are probed; calls go to the group of gateways."""
    named = groups if isinstance(groups, dict) else {"gateways": groups or group()}
    engine = sansip.Engine(config(groups=named, **options), ToGroup())
    return Stage(engine) if zone is None else Stage(engine, zone)


def answer(stage: Stage, *gateways: sansip.Address, status: int = 200, **kw: Whatever) -> None:
    """These gateways answer the newest probe that they have got."""
    for gateway in gateways:
        stage.receive(reply(probes(stage, gateway)[-1], status, to_tag="gw", **kw), gateway)


def probes(stage: Stage, gateway: sansip.Address) -> list[sansip.Request]:
    """The probes that a gateway has got, copies not counted."""
    seen = {request.via.branch: request for request in stage.at(gateway, "OPTIONS")}
    return list(seen.values())


def letters(stage: Stage) -> list[str]:
    """How the members are, as Kamailio shows it."""
    return [each.letters for each in stage.engine.standing(stage.state, stage.now)]


def order(stage: Stage, what: Whatever) -> tuple[sansip.Action, ...]:
    """An operator's order."""
    return stage.step(sansip.Administered(stage.now, what))


def said(stage: Stage, topic: str) -> list[str]:
    """What has been reported about this."""
    return [report.text for report in stage.reports if report.topic == topic]
