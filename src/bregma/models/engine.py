"""ONNX Runtime sessions, and whether a graph has the inputs and outputs that Bregma gives and takes.

The seam: input "images" float32 (D, C, S, S) with D free; output "logits" (D, K), and if there are maps "map"
(D, 1, S, S), logits at the resolution of the input. A graph that wants to know where the slices lie has a second input
"places" (D, 2), as `models.places.places_of` gives it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bregma.scan.errors import PackageError

if TYPE_CHECKING:
    import onnxruntime

IMAGES, PLACES, LOGITS, MAP = "images", "places", "logits", "map"


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_session(onnx: bytes, *, threads: int | None = None) -> onnxruntime.InferenceSession:
    """A session on the CPU.

    Args:
        onnx: the model file's content.
        threads: arithmetic threads; None for one per core.

    Raises:
        PackageError: it is no ONNX model, or needs something that the installed ONNX Runtime does not have.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # it would keep twice the memory that a long scan needs, to save 5 % of time
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except (state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument) as error:
        raise PackageError(f"model.onnx is not a valid ONNX model ({error}); export it again") from error
    except (state.NotImplemented, state.Fail, state.RuntimeException) as error:
        raise PackageError(
            f"ONNX Runtime {onnxruntime.__version__} cannot run this model ({error}); "
            "install a newer onnxruntime, or export the model for an older opset"
        ) from error


def memory_per_slice(session: onnxruntime.InferenceSession) -> bool:
    """Whether the graph works through the slices one by one, so that memory does not grow with the scan.

    The exporter says so in the model's metadata: "memory" is "per slice".
    """
    return dict(session.get_modelmeta().custom_metadata_map).get("memory") == "per slice"


def wants_places(session: onnxruntime.InferenceSession) -> bool:
    """Whether the graph has an input for where the slices lie."""
    return any(port.name == PLACES for port in session.get_inputs())


def check_graph(session: onnxruntime.InferenceSession, *, channels: int, size: int, findings: int) -> bool:
    """Check that a graph keeps the seam.

    Args:
        session: of the package's model.
        channels: C, the windows of the package's preprocessing.
        size: S, its prepared size.
        findings: K.

    Returns:
        Whether it gives maps.

    Raises:
        PackageError: a name, a type or a shape is another.
    """
    inputs = {port.name: port for port in session.get_inputs()}
    outputs = {port.name: port for port in session.get_outputs()}
    if not {IMAGES} <= set(inputs) <= {IMAGES, PLACES} or not {LOGITS} <= set(outputs) <= {LOGITS, MAP}:
        raise PackageError(
            f"model.onnx takes {sorted(inputs)} and gives {sorted(outputs)}; "
            f"expected input {IMAGES!r} and at most {PLACES!r}, output {LOGITS!r} and at most {MAP!r}"
        )
    _check_port(inputs[IMAGES], (None, channels, size, size))
    if PLACES in inputs:
        _check_port(inputs[PLACES], (None, 2))
    _check_port(outputs[LOGITS], (None, findings))
    if MAP in outputs:
        _check_port(outputs[MAP], (None, 1, size, size))
    return MAP in outputs


def _check_port(port: onnxruntime.NodeArg, expected: tuple[int | None, ...]) -> None:
    shape = tuple(port.shape)
    fits = len(shape) == len(expected) and all(
        not isinstance(here, int) if there is None else not isinstance(here, int) or here == there
        for here, there in zip(shape, expected, strict=True)
    )
    if not fits or port.type != "tensor(float)":
        wanted = tuple("slices" if length is None else length for length in expected)
        raise PackageError(
            f"model.onnx has {port.name!r} as {port.type} {shape}; expected tensor(float) {wanted}, "
            "as the package's preprocessing and findings say"
        )
