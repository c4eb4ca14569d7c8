"""The stand-in for OpenAI's Realtime API. See docs/sandbox_providers.md, "OpenAI Realtime".

Protocol: https://developers.openai.com/api/reference/resources/realtime (the general availability
one). Ranges, defaults and wording of errors are the reference's, or as clients report them.
"""

from sandbox.providers.openai.service import OpenAI, refusal

__all__ = ["OpenAI", "refusal"]
