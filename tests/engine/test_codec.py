from __future__ import annotations

import base64
import os

import pytest
from pydantic import ValidationError
from temporalio.api.common.v1 import Payload

from engine.codec import EncryptionCodec
from engine.settings import EngineSettings
from engine.startup import sentence_about

KEY = os.urandom(32)
PAYLOAD = Payload(metadata={"encoding": b"json/plain"}, data=b'"the caller said hello"')


async def test_payload_is_unreadable_and_comes_back_whole() -> None:
    codec = EncryptionCodec({"a": KEY})
    [sealed] = await codec.encode([PAYLOAD])
    assert b"caller" not in sealed.SerializeToString()
    assert await codec.decode([sealed]) == [PAYLOAD]


async def test_two_encryptions_differ() -> None:
    codec = EncryptionCodec({"a": KEY})
    one, two = await codec.encode([PAYLOAD, PAYLOAD])
    assert one.data != two.data


async def test_old_keys_still_open_what_they_closed() -> None:
    [sealed] = await EncryptionCodec({"old": KEY}).encode([PAYLOAD])
    rotated = EncryptionCodec({"new": os.urandom(32), "old": KEY})
    assert await rotated.decode([sealed]) == [PAYLOAD]


async def test_payloads_from_before_encryption_pass() -> None:
    assert await EncryptionCodec({"a": KEY}).decode([PAYLOAD]) == [PAYLOAD]


async def test_wrong_key_and_tampering_are_errors_in_words() -> None:
    [sealed] = await EncryptionCodec({"a": KEY}).encode([PAYLOAD])
    with pytest.raises(ValueError, match="No payload key has the id 'a'"):
        await EncryptionCodec({"b": KEY}).decode([sealed])
    with pytest.raises(ValueError, match="does not open"):
        await EncryptionCodec({"a": os.urandom(32)}).decode([sealed])
    sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    with pytest.raises(ValueError, match="does not open"):
        await EncryptionCodec({"a": KEY}).decode([sealed])


def test_keys_are_read_in_order() -> None:
    encoded = base64.b64encode(KEY).decode()
    settings = EngineSettings(temporal_address="t:1", payload_keys=f"new:{encoded}, old:{encoded}")
    assert list(settings.keys) == ["new", "old"]


def test_malformed_settings_are_named_in_one_sentence_without_their_value() -> None:
    with pytest.raises(ValidationError) as wrong:
        EngineSettings(payload_keys="dev:c2VjcmV0")  # type: ignore[call-arg]
    sentence = sentence_about(wrong.value)
    assert "TEMPORAL_ADDRESS is missing" in sentence
    assert "PAYLOAD_KEYS is malformed" in sentence
    assert "c2VjcmV0" not in sentence
    assert "\n" not in sentence
