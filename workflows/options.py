"""Every timeout and retry of the workflows, by the name of the step it belongs to."""

from __future__ import annotations

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityConfig

# A workflow task that a killed worker held is given to another one after this (default 10 s).
TASK_TIMEOUT = timedelta(seconds=4)

# --- Waiting -------------------------------------------------------------------------------------

# LiveKit drops a dispatch without a word when no agent server is free (design 5.3). Three tries of
# this length keep the truthful end below 15 s.
AGENT_NO_SHOW = timedelta(seconds=4)
AGENT_TRIES = 3
# An agent that leaves sooner than this did not do its work: the try counts.
AGENT_LASTS = timedelta(seconds=10)
# A web caller who got a token and never came. LiveKit keeps the empty room a little longer.
CALLER_JOINS = timedelta(seconds=60)
# Before a phone is dialled Atlas must be able to open at once; it loads its assistant until then.
ATLAS_GETS_READY = timedelta(seconds=15)
# A line of the trunk is waited for in pieces, so that a worker that dies meanwhile costs little.
LINE_PATIENCE = timedelta(seconds=20)
# From the room's opening to its phone, beside the ringing: Atlas, a bridge, the trunk's pace.
PHONE_JOINS = timedelta(seconds=120)
# A phone that was to ring now does not ring an hour later because no worker was there for an hour.
# From the order on, beside its own patience for a line; more than all waits before the dial.
DIALLED_LATE = timedelta(minutes=5)
# What dialling takes beside the ringing: the trunk's pace, a connection, an answer to our CANCEL.
DIALLING_TAKES = timedelta(seconds=60)
# Seconds: the leg's own limit comes after the call's, for when nobody reaches the workflow.
LEG_OUTLIVES = 60.0
# The bridge tells why a leg ended, LiveKit only that its phone has left; the bridge knows better.
LEG_ENDED_COMES = timedelta(seconds=3)
# After a dial whose outcome nobody knows, each LEG_ENDED_COMES after the other.
LOOKS_FOR_PHONE = 4
# A bridge learns of a cancellation within a second; the far side may then answer it, or not.
DIALLING_STOPS = timedelta(seconds=8)
# What was on its way when the call ended may still be answered, as a transfer that succeeded is.
LAST_ANSWER = timedelta(seconds=2)
# A bridge that is being shut down sends a call away before anything was sent; another one takes it.
BRIDGES_TRIED = 3
# So long a bridge tries to come back into its room; a dead one is missed sooner, by the agents.
PHONE_COMES_BACK = timedelta(seconds=30)
# A far side that presses hold or keys without end is written at once so often, then now and then.
PROMPT_FLOODS = 10
FLOOD_PAUSE = timedelta(seconds=5)
# A hold that could not be told is told again.
HOLD_AGAIN = timedelta(seconds=2)
# Media Bot that could not be told to transcribe is told again, each time after twice as long.
TRANSCRIPTION_AGAIN = timedelta(seconds=2)
TRANSCRIPTION_AGAIN_AT_MOST = timedelta(seconds=30)
# What to play, the same.
MEDIA_AGAIN = timedelta(seconds=2)
# Default hold music that could not be played, as long as the hold lasts.
MUSIC_AGAIN = timedelta(seconds=5)
# Loaded, four tones, and the room's closing; then the call's end waits for it no longer.
BUSY_TONE_DRAINS = timedelta(seconds=12)
# How long the wrap-up waits for others before it settles with what it has.
RECORDING_STOPS = timedelta(seconds=12)
USAGE_ARRIVES = timedelta(seconds=4)

# --- Activities ----------------------------------------------------------------------------------

# The API's client waits for the room: fail while its request is still open rather than after it.
OPEN_ROOM = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=2),
    schedule_to_close_timeout=timedelta(seconds=4),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200), backoff_coefficient=1.5),
)
READ_ROOM = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=3), schedule_to_close_timeout=timedelta(seconds=20)
)
# Looks before it creates, so trying again cannot bring a second agent in.
DISPATCH_AGENT = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=1.5), schedule_to_close_timeout=timedelta(seconds=1.5)
)
REMOVE_PARTICIPANT = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=5), schedule_to_close_timeout=timedelta(seconds=30)
)
# An absent participant takes LiveKit 3 s to report, so one try is about that long.
TELL_ATLAS = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=5),
    schedule_to_close_timeout=timedelta(seconds=15),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=250), maximum_attempts=4),
)
# Nobody may ring a phone twice: once the activity began an INVITE may have left, so there is no
# second try, whatever became of the first. Its time is the ringing's and DIALLING_TAKES.
DIAL_ONCE = ActivityConfig(
    schedule_to_start_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(maximum_attempts=1),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
# The activity itself waits up to LINE_PATIENCE.
TAKE_LINE = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=timedelta(seconds=5),
    schedule_to_close_timeout=timedelta(minutes=2),
)
LOOK_FOR_PHONE = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=5), schedule_to_close_timeout=timedelta(seconds=30)
)
# Nothing of this may be done twice by a retry that the bridge would not notice: keys have an id,
# hanging up is for ever, and a transfer is asked for once.
HANG_UP_PHONE = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=6),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=250), maximum_attempts=2),
)
PING_PHONE = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=4), retry_policy=RetryPolicy(maximum_attempts=1)
)
PRESS_KEYS = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=6),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=250), maximum_attempts=2),
)
TRANSFER_PHONE = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=45), retry_policy=RetryPolicy(maximum_attempts=1)
)
WRITE_HOLD = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=2),
    schedule_to_close_timeout=timedelta(seconds=6),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200)),
)
WRITE_TRANSCRIPTION = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=2),
    schedule_to_close_timeout=timedelta(seconds=6),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200)),
)
WRITE_MEDIA = WRITE_HOLD
# Atlas reads the hold from its human as well; this is for the acknowledgement.
TELL_ATLAS_OF_HOLD = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=3), retry_policy=RetryPolicy(maximum_attempts=1)
)
# Who answers lives. After the 2 s of who doubted it, a successor still speaks within 5 s.
PING_AGENT = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=2), retry_policy=RetryPolicy(maximum_attempts=1)
)
# Seconds of it, for a Media Bot that plays to somebody who is held: they hear nothing else, and
# one that lives and is replaced costs them no more than the music's beginning.
PATIENCE_IN_A_HOLD = 0.5
# Goodbye is a courtesy: Atlas also ends when the room closes.
TELL_ATLAS_TO_END = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=2), retry_policy=RetryPolicy(maximum_attempts=1)
)
# LiveKit away for longer than this has lost the room anyway, and empty rooms close by themselves.
CLOSE_ROOM = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(minutes=10),
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=10)),
)
# The store must have it, however long it takes.
WRITE_RECORD = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(minutes=1)
    ),
)
SETTLE_BILL = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=5)),
)

# --- Recording: attempts are made by the workflow, so that the history shows each and its reason --

ONCE = RetryPolicy(maximum_attempts=1)
# Real Egress answers after half a second; without one LiveKit itself gives up after 23 s.
START_EGRESS = ActivityConfig(start_to_close_timeout=timedelta(seconds=12), retry_policy=ONCE)
STOP_EGRESS = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(minutes=2),
)
LOOK_AT_EGRESS = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=10), schedule_to_close_timeout=timedelta(minutes=1)
)
AWAIT_EGRESS_END = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=timedelta(seconds=15),
    schedule_to_close_timeout=timedelta(minutes=15),
)
VERIFY_RECORDING = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    heartbeat_timeout=timedelta(seconds=15),
    schedule_to_close_timeout=timedelta(minutes=30),
    retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
)
# One look, before anybody is told that it takes longer.
VERIFY_ONCE = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    heartbeat_timeout=timedelta(seconds=15),
    retry_policy=ONCE,
)
# It reads, and may bring, every file of the call; an operator waits for it.
RESCUE_RECORDING = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=timedelta(seconds=15),
    schedule_to_close_timeout=timedelta(minutes=15),
    # What the store refused an operator sees at once; a worker that died meanwhile is no refusal.
    retry_policy=RetryPolicy(
        maximum_attempts=3, non_retryable_error_types=["store-unavailable", "backup-unavailable"]
    ),
)
RECORDING_START_BACKOFF = tuple(timedelta(seconds=s) for s in (1, 2, 4, 8))
# Then an operator is needed; but most outages of Egress are over within a minute.
RECORDING_START_GOES_ON = tuple(timedelta(seconds=s) for s in (15, 30))
# What broke under a live call is started again by itself so often.
RECORDING_RESTARTS = 4
# From its start until Egress hears somebody. Egress also waits when nobody publishes audio, so what
# has not begun is started anew only so often, and then left waiting.
EGRESS_BEGINS = timedelta(seconds=20)
EGRESS_BEGUN_ANEW = 2
# An operator may ask for a failed recording again until then; a last look follows.
RETRY_COMES = timedelta(days=30)
# Egress tells the end by webhook; when that is late, somebody goes and looks.
EGRESS_TELLS = timedelta(seconds=3)
EGRESS_CHECK = timedelta(seconds=60)
# A recording that ended well tells that the room is gone; the call knows that within this time.
CALL_ENDS_TOO = timedelta(seconds=10)
# What may lie between a call's time and its recording's unsaid: two clocks, and webhooks that tell
# whole seconds. Egress begins a second after it was asked, and ends a second after the call.
RECORDING_TOLERANCE = timedelta(seconds=5)
# The room is deleted with its call. Who says so much later to record it, and answers no stop, is
# dead: LiveKit goes on to show what an Egress service last said before it was killed.
EGRESS_IS_DEAD = timedelta(minutes=15)

# --- Janitor --------------------------------------------------------------------------------------

JANITOR_ROUND = timedelta(seconds=20)
# A look that fails is not worth many tries: the next round looks again.
LOOK_FOR_WHAT_IS_LEFT = ActivityConfig(
    summary="Look for calls whose workflow was cut off",
    start_to_close_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(maximum_attempts=2),
)
READ_WHAT_IS_LEFT = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=20)),
)
# An agent that was on its way while the room closed makes LiveKit open it anew.
LATE_AGENTS_COME = timedelta(seconds=10)

# --- Retention ------------------------------------------------------------------------------------

RETENTION_ROUND = timedelta(hours=1)
# What a round leaves over the next one finds: a page has 50, so a round deletes up to 2,000.
RETENTION_PAGES = 40
# Each deletion of a page is told in the store by itself: a second try goes on after the first.
ERASE_DUE = ActivityConfig(
    summary="Delete what is due",
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=timedelta(seconds=90),
    retry_policy=RetryPolicy(maximum_attempts=3),
)
# Together eight minutes; after them the retention's rounds try on.
DELETE_RECORDING = ActivityConfig(
    summary="Delete the recording's files",
    start_to_close_timeout=timedelta(seconds=90),
    retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=5), maximum_attempts=10),
)

# --- Room watch ----------------------------------------------------------------------------------

WATCH_INTERVAL = timedelta(seconds=2)
WATCH_SHIFT = timedelta(minutes=30)
WATCH_REST = timedelta(seconds=5)
WATCH_ROOMS = ActivityConfig(
    summary="Look at the rooms of open calls",
    start_to_close_timeout=WATCH_SHIFT + timedelta(minutes=1),
    heartbeat_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=5)
    ),
)

# --- Webhooks: attempts are made by the workflow, too --------------------------------------------

# Between the attempts of a delivery; together three days and a little, as Standard Webhooks
# proposes. A receiver that asks for a longer pause (Retry-After) gets it.
WEBHOOK_PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# The request itself has 10 s, the store before it as long.
SEND_WEBHOOK = ActivityConfig(start_to_close_timeout=timedelta(seconds=25), retry_policy=ONCE)
