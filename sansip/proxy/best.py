"""Choosing the best response (RFC 3261 16.7 steps 6 and 7, with RFC 4320 4.2)."""

from sansip.message import Response
from sansip.value import value

# "SHOULD give preference to responses that provide information affecting resubmission" (16.7.6)
_INFORMATIVE = (401, 407, 415, 420, 484)
_CHALLENGES = ("WWW-Authenticate", "Proxy-Authenticate")
MOST_CHALLENGES = 16_384  # characters of them that are put together


@value
class Result:
    """How one target ended: a status, and the response if one was received.

    Without a response the status stands for what happened: 408 for silence, 503 for a transport
    error (8.1.3.1), 480, 503 or 403 for a name that led nowhere.
    """

    status: int
    response: Response | None = None


def best(results: tuple[Result, ...], *, invite: bool) -> Result | None:
    """The result that the caller gets, or None when there is nothing to be said.

    * Any 6xx wins, else the lowest class (16.7.6, 3261-16.7.6-02).
    * Within 4xx: 401, 407, 415, 420 and 484 first.
    * A response that was received beats one of the same class that was not (3261-16.7.6-04).
    * 503 comes after every other 5xx (3261-16.7.6-03).
    * 482 comes last of all: when hops lead to one and the same phone, it only says that another
      branch got there first.
    * A non-INVITE never gets 408, received or not (RFC 4320 4.2, AMB-07).
    """
    useful = [result for result in results if invite or result.status != 408]
    return min(useful, key=_rank, default=None)


def _rank(result: Result) -> tuple[int, int, int, int]:
    status = result.status
    if status == 482:
        rank = 7
    elif status >= 600:
        rank = 0
    else:
        rank = status // 100
    received = 0 if result.response is not None else 1
    return rank, received, 0 if status in _INFORMATIVE else 1, 1 if status == 503 else 0


def with_challenges(chosen: Result, heard: tuple[Response, ...]) -> Result:
    """Let whoever is asked for credentials hear of all that are needed.

    "If the selected response is a 401 or 407, the proxy MUST collect any WWW-Authenticate and
    Proxy-Authenticate header field values from all other 401 and 407 responses received so far in
    this response context and add them to this response without modification" (16.7 step 7).
    """
    response = chosen.response
    if response is None or chosen.status not in (401, 407):
        return chosen
    others = [other for other in heard if other is not response and other.status in (401, 407)]
    for name in _CHALLENGES:
        texts = [text for other in others for text in other.rows(name)]
        if sum(map(len, texts)) > MOST_CHALLENGES:
            return chosen  # no datagram would hold them, and the caller would hear nothing at all
        if texts:
            response = response.set(name, *response.rows(name), *texts)
    return Result(chosen.status, response)
