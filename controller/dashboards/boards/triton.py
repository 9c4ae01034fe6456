"""Triton's models: requests, waiting, work; and the machine that it has.

What Triton tells of a stream ends when it has begun: a voice's times are those of the controller, and of XTTS itself.
"""

from __future__ import annotations

from typing import Final

from controller.dashboards.boards.words import PER, per_second, quantile, share
from controller.dashboards.panels import Board, Panel, Query, Row

DONE: Final = f"sum by (model) (rate(nv_inference_request_success{PER}))"


def _each(microseconds: str, legend: str) -> Query:
    """The mean of a request, in milliseconds."""
    return Query(f"sum by (model) (rate({microseconds}{PER})) / 1000 / {DONE}", legend)


def _summary(name: str, text: str, title: str) -> Panel:
    query = Query(f'nv_inference_{name}_summary_us{{quantile="0.95"}} / 1000', "{{model}}")
    return Panel(title, text, (query,), "ms")


TRITON: Final = Board(
    "triton",
    "Dragoman: Triton",
    "The models behind the offline engines and the cloned voices. Panels that begin with GPU need one.",
    (
        Row(
            "Requests",
            (
                Panel("Done", "Requests a second, by model.", (Query(DONE, "{{model}}"),), "ops"),
                Panel(
                    "Failed",
                    "Requests a second; CANCELED are speakers who went on, and listeners who hung up.",
                    (Query(per_second("nv_inference_request_failure", "model, reason"), "{{model}} {{reason}}"),),
                    "ops",
                    stacked=True,
                ),
                Panel(
                    "Waiting in Triton",
                    "Requests that no instance of their model has taken yet.",
                    (Query("sum by (model) (nv_inference_pending_request_count)", "{{model}}"),),
                ),
                Panel(
                    "Together",
                    "Inferences an execution: how many requests Triton made one batch of.",
                    (
                        Query(
                            f"sum by (model) (rate(nv_inference_count{PER}))"
                            f" / sum by (model) (rate(nv_inference_exec_count{PER}))",
                            "{{model}}",
                        ),
                    ),
                ),
                Panel(
                    "Wait of a request",
                    "The mean, in Triton's queue.",
                    (_each("nv_inference_queue_duration_us", "{{model}}"),),
                    "ms",
                    limit=100,
                ),
                Panel(
                    "Work on a request",
                    "The mean, in the model. Of a stream, until it has begun.",
                    (
                        _each("nv_inference_compute_infer_duration_us", "{{model}}"),
                        Query(
                            "sum by (model) (rate(nv_inference_compute_input_duration_us"
                            f"{PER}) + rate(nv_inference_compute_output_duration_us{PER})) / 1000 / {DONE}",
                            "{{model}} in and out",
                        ),
                    ),
                    "ms",
                ),
                _summary("request", "From arrival to answer, of the last requests.", "A request p95"),
                _summary("queue", "In Triton's queue.", "Wait p95"),
                _summary("compute_infer", "In the model.", "Work p95"),
            ),
        ),
        Row(
            "Models",
            (
                Panel(
                    "Whisper's queue",
                    "Utterances that wait for the recogniser in its own queue.",
                    (Query("dragoman_whisper_queue_depth", "waiting"),),
                    limit=8,
                    width=6,
                ),
                Panel(
                    "Whisper's batches",
                    "Recordings decoded a second by encoder window, and how many at once.",
                    (
                        Query(per_second("dragoman_whisper_windows_total", "window"), "window {{window}}"),
                        Query(
                            share("dragoman_whisper_windows_total", "dragoman_whisper_batches_total"),
                            "at once",
                        ),
                    ),
                    width=6,
                ),
                Panel(
                    "Pico",
                    "Utterances under way, and chunks of sound a second.",
                    (
                        Query("dragoman_pico_utterances", "utterances"),
                        Query(per_second("dragoman_pico_chunks_total", "job"), "chunks/s"),
                    ),
                    width=6,
                ),
                Panel(
                    "Apertium begun again",
                    "Pipelines that died or hung, so far.",
                    (Query("dragoman_apertium_restarts_total", "restarts"),),
                    width=6,
                ),
            ),
        ),
        Row(
            "Machine",
            (
                Panel(
                    "CPU",
                    "Of all cores of Triton's machine.",
                    (Query("nv_cpu_utilization", "used"),),
                    "percentunit",
                    limit=0.9,
                    width=12,
                ),
                Panel(
                    "Memory",
                    "Of Triton's machine.",
                    (Query("nv_cpu_memory_used_bytes", "used"), Query("nv_cpu_memory_total_bytes", "there")),
                    "bytes",
                    width=12,
                ),
            ),
        ),
        Row(
            "GPU",
            (
                Panel(
                    "GPU",
                    "How much of the time it computes.",
                    (Query("nv_gpu_utilization", "{{gpu_uuid}}"),),
                    "percentunit",
                    limit=0.95,
                ),
                Panel(
                    "GPU memory",
                    "Used, and there.",
                    (
                        Query("nv_gpu_memory_used_bytes", "used {{gpu_uuid}}"),
                        Query("nv_gpu_memory_total_bytes", "there {{gpu_uuid}}"),
                    ),
                    "bytes",
                ),
                Panel(
                    "GPU power",
                    "Drawn, and its limit.",
                    (
                        Query("nv_gpu_power_usage", "drawn {{gpu_uuid}}"),
                        Query("nv_gpu_power_limit", "limit {{gpu_uuid}}"),
                    ),
                    "watt",
                ),
                Panel(
                    "GPU: first sound of cloned voices",
                    "XTTS: from a request's arrival to its first sound.",
                    tuple(Query(quantile(q, "dragoman_xtts_first_audio_ms"), f"p{q * 100:g}") for q in (0.5, 0.95)),
                    "ms",
                    limit=300,
                ),
                Panel(
                    "GPU: slowness of cloned voices",
                    "XTTS: seconds of work a second of sound, p95. From 1 on listeners hear gaps.",
                    (Query(quantile(0.95, "dragoman_xtts_rtf"), "p95"),),
                    limit=1,
                ),
                Panel(
                    "GPU: cloned voices at once",
                    "XTTS: utterances that are spoken, and those that wait for a slot.",
                    (Query("dragoman_xtts_active", "spoken"), Query("dragoman_xtts_waiting", "waiting")),
                ),
            ),
        ),
    ),
)
