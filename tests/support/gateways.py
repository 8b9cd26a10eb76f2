"""A policy that another process can import without much else."""

import sansip


class Gateways(sansip.Policy):
    """Every call goes to the gateways."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Relay | sansip.Reply:
        if request.method == "OPTIONS":
            return sansip.Reply(200)
        return sansip.Relay(sansip.Dispatch("gateways"), advance_after=0.3)
