"""Temporal's own part of a process: its logs in our shape, and its metrics."""

from __future__ import annotations

import logging

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)


def use_our_runtime(metrics_address: str | None = None) -> None:
    """Once per process, before its first client, and never before a fork.

    By itself the SDK writes warnings to stderr in a form of its own, exceptions' messages included.
    `metrics_address` (host:port): where it serves `temporal_*` for Prometheus.
    """
    forwarding = LogForwardingConfig(
        logger=logging.getLogger("temporalio.core"),
        append_target_to_name=False,
        prepend_target_on_message=False,
        append_log_fields_to_message=False,  # a failure's message is among them
    )
    metrics = None
    if metrics_address is not None:
        metrics = PrometheusConfig(
            bind_address=metrics_address,
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
        )
    Runtime.set_default(
        Runtime(
            telemetry=TelemetryConfig(
                logging=LoggingConfig(
                    filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
                    forwarding=forwarding,
                ),
                metrics=metrics,
            )
        )
    )
