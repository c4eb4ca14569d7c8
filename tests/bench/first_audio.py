"""Figure 3: from the open room to the agent's first audio at the caller."""

from __future__ import annotations

from datetime import datetime

from tests.bench.bench import FAILURES, GREETING_LIMIT, Bench, Opened, wall
from tests.bench.conversations import leading_silence
from tests.bench.figures import Budget, Figure, steps_table
from tests.bench.histories import facts_of


async def measure(bench: Bench) -> Figure:
    figure = Figure(
        "3. Room opened to the agent's first audio",
        "From get_token's answer to the first loud frame that the caller receives; the caller "
        "joins at once, calls follow each other, and before each one the agents' idle processes "
        "are there again and quiet (else the cold start of a process would be measured).",
    )
    row = figure.row("get_token answered to first audio, warm", budget=Budget(95, 1500))
    chains: list[dict[str, float]] = []
    for number in range(bench.count(20, least=2)):
        bench.tell(f"first audio {number + 1}")
        await bench.settle()
        await bench.forget_logs()
        try:
            opened = await bench.open_call()
            async with bench.joined(opened) as caller:
                joined_at = caller.joined_at
                heard = await caller.heard.wait_until_heard(timeout=GREETING_LIMIT)
            row.add((heard - opened.answered_at) * 1000)
            chains.append(await _steps(bench, opened, joined_at, heard))
        except FAILURES as error:
            row.fail(error)
    figure.tables.append(steps_table("Where the time goes, from get_token's answer on", chains))
    return figure


async def _steps(bench: Bench, opened: Opened, joined_at: float, heard: float) -> dict[str, float]:
    """ms since get_token was answered; what comes before that is negative."""
    begun, end = wall(opened.answered_at), wall(heard)
    moments: dict[str, float] = {}
    for line in bench.log_lines("livekit"):
        wanted = ("assigned job to worker", opened.call_id, "atlas")
        if (line.get("msg"), line.get("room"), line.get("agentName")) == wanted:
            moments["Atlas' server accepted the job"] = line["ts"]
    moments["get_token answered"] = begun
    facts = await facts_of(bench.temporal, opened.call_id)
    for fact in facts:
        who = (fact.kind, fact.source, fact.data.get("identity"))
        if who == ("participant_joined", "livekit", "atlas-1"):
            moments["Atlas is in the room (LiveKit)"] = fact.happened_at
    for line in bench.log_lines("api"):
        at = line.get("timestamp") or line.get("at")
        if line.get("route") == "/assistants/{assistant_id}" and at:
            answered = datetime.fromisoformat(str(at)).timestamp()
            if begun - 1 < answered < end:
                moments["configuration answered (API)"] = answered
    moments["caller has joined"] = wall(joined_at)
    for fact in facts:
        if (fact.kind, fact.source) == ("agent_ready", "atlas"):
            moments["agent_ready: session started"] = fact.happened_at
        elif fact.kind == "opening_started":
            moments["gate open: opening_started told"] = fact.happened_at
            moments["opening_started in Temporal's history"] = fact.taken_at
    for entry in await bench.log_of("elevenlabs"):
        if entry.get("first_audio_at", end) < end:
            moments["TTS stand-in got the greeting"] = entry["first_text_at"]
            moments["TTS stand-in sent first audio"] = entry["first_audio_at"]
            quiet = leading_silence(entry["text"], entry["voice"])
            moments["first sound of it due (leading silence)"] = entry["first_audio_at"] + quiet
    moments["heard by the caller"] = end
    ordered = sorted(moments.items(), key=lambda step: step[1])
    return {name: (at - begun) * 1000 for name, at in ordered}
