"""User agents: what the core does for a program that takes requests itself (RFC 3261 8.2, 13.3.1).

``uas`` is the machine of one request that was delivered to the program: who answers when the
program does not, who retransmits its 2xx. ``identity`` says which request an ACK or a merged copy
belongs to, ``fitted`` makes the program's response fit its request, and ``refusal`` goes through
the checks that a user agent makes before anything else.
"""

from sansip.agent import uas
from sansip.agent.identity import acknowledged, identity
from sansip.agent.refusal import refusal
from sansip.agent.responses import fitted

__all__ = ["acknowledged", "fitted", "identity", "refusal", "uas"]
