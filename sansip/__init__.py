"""sansip: a pure, sans-IO SIP transaction and failover core.

``Engine(config, policy).step(state, event) -> (state, actions)``: facts go in, orders come out,
nothing else happens. What stands here is the public face; everything below it may change.
"""

from sansip.address import Address, Hop
from sansip.dispatch import Dispatch
from sansip.engine.actions import (
    Action,
    CloseFlow,
    Deliver,
    QueryDns,
    Report,
    Send,
    StartTimer,
    StopDns,
    StopTimer,
    Timer,
)
from sansip.engine.config import Config, Endpoint, Limits
from sansip.engine.engine import Engine
from sansip.engine.events import (
    AckSubmitted,
    Administered,
    CancelSubmitted,
    DatagramReceived,
    DnsAnswered,
    Event,
    FlowClosed,
    FlowOpened,
    FlushCache,
    Quiesce,
    ReplaceGroups,
    RequestSubmitted,
    SendFailed,
    StreamReceived,
    TimerFired,
)
from sansip.engine.policy import (
    Decision,
    Drop,
    Failed,
    FailureDecision,
    Policy,
    Relay,
    Reply,
    Scene,
    Tried,
)
from sansip.engine.state import State
from sansip.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from sansip.message import (
    CSeq,
    MessageLimits,
    NameAddr,
    Request,
    Response,
    Uri,
    Via,
    equivalent,
    framing,
    headers,
    parse,
    parse_uri,
)
from sansip.proxy.vocabulary import Finish, TryNext
from sansip.timing import Timing

__version__ = "0.1.0"

__all__ = [
    "AckSubmitted",
    "Action",
    "Address",
    "Administered",
    "CSeq",
    "CancelSubmitted",
    "CloseFlow",
    "Config",
    "DatagramReceived",
    "Decision",
    "Deliver",
    "Dispatch",
    "DnsAnswered",
    "Drop",
    "Endpoint",
    "Engine",
    "Event",
    "Failed",
    "FailureDecision",
    "Finish",
    "FlowClosed",
    "FlowOpened",
    "FlushCache",
    "Hop",
    "Limits",
    "LocalProtocolError",
    "MessageLimits",
    "NameAddr",
    "Policy",
    "ProtocolError",
    "QueryDns",
    "Quiesce",
    "Relay",
    "RemoteProtocolError",
    "ReplaceGroups",
    "Reply",
    "Report",
    "Request",
    "RequestSubmitted",
    "Response",
    "Scene",
    "Send",
    "SendFailed",
    "StartTimer",
    "State",
    "StopDns",
    "StopTimer",
    "StreamReceived",
    "Timer",
    "TimerFired",
    "Timing",
    "Tried",
    "TryNext",
    "Uri",
    "Via",
    "equivalent",
    "framing",
    "headers",
    "parse",
    "parse_uri",
]
