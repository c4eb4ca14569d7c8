"""An operator's retry of a recording: who may ask for it, and the answer that they wait for."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from contract.calls import RecordingStatus
from contract.recordings import (
    BAD_RETRY_ERROR,
    NOT_FAILED_ERROR,
    RETRY_BY_MAX,
    RETRY_REASON_MAX,
    RETRY_RUNS_ERROR,
    RecordingReport,
    RecordingRetry,
)
from workflows.phone_controls import refusal


class AskedRetry:
    """One retry, until it is answered."""

    def __init__(self, wish: RecordingRetry) -> None:
        self.wish = wish
        self.report: RecordingReport | None = None


class RetryDesk:
    """One retry at a time: the handler puts it here and waits, the story takes it and answers."""

    def __init__(self) -> None:
        self._asked: AskedRetry | None = None
        self._closed = False

    @property
    def asked(self) -> AskedRetry | None:
        return self._asked

    def refuse(self, retry: RecordingRetry, status: RecordingStatus) -> None:
        """Raises ApplicationError, for the validator."""
        if self._asked is not None:
            text = f"A retry of {self._asked.wish.by} is under way: wait for its end."
            raise refusal(text, RETRY_RUNS_ERROR)
        if self._closed or status is not RecordingStatus.NEEDS_ATTENTION:
            words = "over" if self._closed else status.value.replace("_", " ")
            text = f"Only a recording that needs attention can be retried; this one is {words}."
            raise refusal(text, NOT_FAILED_ERROR)
        for name, text, longest in (
            ("by", retry.by, RETRY_BY_MAX),
            ("reason", retry.reason, RETRY_REASON_MAX),
        ):
            _refuse_text(name, text, longest)

    async def ask(self, wish: RecordingRetry) -> RecordingReport:
        asked = self._asked = AskedRetry(wish)
        await workflow.wait_condition(lambda: asked.report is not None)
        assert asked.report is not None
        return asked.report

    def answer(self, asked: AskedRetry | None, report: RecordingReport) -> None:
        """Once: what becomes of it later is another story. None: nobody had asked."""
        if asked is None or asked.report is not None:
            return
        asked.report, self._asked = report, None

    def close(self, report: RecordingReport) -> None:
        """The story is over: who asked meanwhile is told how."""
        self._closed = True
        self.answer(self._asked, report)


def _refuse_text(name: str, text: str, longest: int) -> None:
    problem: ApplicationError | None = None
    if not text.strip():
        problem = refusal(f"A retry says who asks and why: {name} is blank.", BAD_RETRY_ERROR)
    elif len(text) > longest:
        sentence = f"{name} has {len(text)} characters, at most {longest} are kept."
        problem = refusal(sentence, BAD_RETRY_ERROR)
    if problem is not None:
        raise problem
