"""What ``make soak`` is made of.

``sip`` ``wire`` ``party``      a small user agent that owes nothing to sansip
``gateways`` ``calls`` ``load``  those who are called, what callers expect, and how many call
``neighbours`` ``crowd``         peers that behave badly, and ten thousand that say nothing
``proxy`` ``gauge`` ``verdict``  the proxy under test, what it uses, and what to say of that
"""
