from __future__ import annotations

import dataclasses

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.runtime import Runtime

from engine.codec import EncryptionCodec
from engine.settings import EngineSettings


def data_converter(settings: EngineSettings) -> DataConverter:
    """One converter for clients, workers, replay and the codec endpoint."""
    if not settings.payload_encryption:
        return pydantic_data_converter
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(settings.keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect(
    settings: EngineSettings, *, lazy: bool = False, runtime: Runtime | None = None
) -> Client:
    """`lazy` connects at the first call: for processes that must start without Temporal.

    Never call it before a fork: in LiveKit agents connect inside the job process.
    """
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=data_converter(settings),
        lazy=lazy,
        runtime=runtime,
    )
