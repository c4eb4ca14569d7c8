"""Stand-ins for Deepgram, Groq, ElevenLabs and OpenAI Realtime. See docs/sandbox_providers.md."""

import os

# Before numpy is loaded: on matrices as small as the ears', BLAS' own threads spin for seven times
# the CPU that the work takes (measured), at the expense of everything else on the machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
