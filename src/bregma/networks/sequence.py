"""A recurrent network along the slices, on what a frozen slice network makes of each of them.

What the first teams of RSNA 2019 put on top of their slice networks: a recurrent network over embeddings and answers,
with the differences to the neighbouring slices beside them. GRU: Cho et al. 2014. Where the slice network is right
without context nothing has to be learned: its own logit is added to what the GRU says, and the GRU begins by saying 0.

Letters: B scans, D slices, K findings, E features, N slices of all scans of a batch, I numbers that the GRU gets.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _IncompatibleKeys
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bregma.networks.batch import Batch, Outputs

EMBEDDING, LOGITS, DELTAS, PLACE = READABLE = ("embedding", "logits", "deltas", "place")
"""What the GRU can get of a slice."""

FROZEN = "frozen."
"""How the names of the slice network's weights begin."""


class SequenceReader(nn.Module):
    """One logit per slice and finding: the slice network's own, plus what the scan around the slice says.

    The slice network is never trained and stays in evaluation form; saved weights are without it, as its own run keeps
    them.

    Args:
        frozen: a slice network with `look` and `read_along`; its weights are frozen here.
        features: E, what `look` gives of each slice.
        findings: K.
        hidden: GRU units in each direction, and numbers that an embedding is brought down to.
        layers: GRU layers.
        dropout: share of what the GRU gets, and of what it says, that is dropped while it learns.
        reads: what the GRU gets of each slice, of `READABLE`: the embedding, the slice network's logits, for both
            the difference to the slice before and after, and height and gap.
    """

    def __init__(
        self,
        frozen: nn.Module,
        *,
        features: int,
        findings: int,
        hidden: int,
        layers: int,
        dropout: float,
        reads: tuple[str, ...],
    ) -> None:
        super().__init__()
        something = {EMBEDDING, LOGITS} if DELTAS in reads else {EMBEDDING, LOGITS, PLACE}
        if not set(reads) <= set(READABLE) or not set(reads) & something:
            raise ValueError(f"reads is {reads}; expected some of {READABLE}, and with deltas what they are taken of")
        self.reads = frozenset(reads)
        self.frozen = frozen.requires_grad_(requires_grad=False)
        embedding, logits = hidden * (EMBEDDING in reads), findings * (LOGITS in reads)
        self.shrink = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, hidden)) if embedding else None
        width = (embedding + logits) * (3 if DELTAS in reads else 1) + 2 * (PLACE in reads)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(width, hidden, layers, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, findings)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_state_dict_post_hook(_leave_out_frozen)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_post_hook(_do_not_miss_frozen)  # type: ignore[no-untyped-call]
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Turn dropout on or off; the slice network answers as it is served, always."""
        super().train(mode)
        self.frozen.eval()
        return self

    def forward(self, batch: Batch) -> Outputs:
        """From the batch's features where it has some, else from its images."""
        features_BDE = self._look_at(batch) if batch.features is None else batch.features
        said_BDK, steps_BDI = self._steps(features_BDE, batch.is_slice, batch.places)
        packed = pack_padded_sequence(
            self.dropout(steps_BDI), batch.is_slice.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False
        )
        read_BDE, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=features_BDE.shape[1])
        logits_BDK = (said_BDK + self.head(self.dropout(read_BDE))) * batch.is_slice[..., None]
        return Outputs(slice_logits=logits_BDK, features=read_BDE)

    def look(self, images_NCSS: Tensor) -> tuple[Tensor, None]:
        """Each slice by itself: (N, E) features of the slice network; its maps, if it draws any, are left out."""
        features_NE, _ = self.frozen.look(images_NCSS)  # type: ignore[operator]  # a method of every slice network
        return features_NE, None

    def read_scan(self, images_DCSS: Tensor, places_D2: Tensor | None = None) -> tuple[Tensor, None]:
        """One whole scan, as it is served: (D, K) logits, and no map."""
        return self.read_along(self.look(images_DCSS)[0], places_D2), None

    def read_along(self, features_DE: Tensor, places_D2: Tensor | None = None) -> Tensor:
        """(D, K) logits from the features of all slices of one scan, and from where they lie."""
        places = None if places_D2 is None else places_D2[None]
        said_BDK, steps_BDI = self._steps(features_DE[None], features_DE.new_ones(1, features_DE.shape[0]) > 0, places)
        logits_DK: Tensor = (said_BDK + self.head(self.gru(steps_BDI)[0]))[0]
        return logits_DK

    def _look_at(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            features_NE, _ = self.look(batch.images[batch.is_slice])
        return batch.in_place(features_NE)

    def _steps(self, features_BDE: Tensor, is_slice: Tensor, places_BD2: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, D, K) what the slice network says, and (B, D, I) what the GRU gets."""
        said_BDK: Tensor = self.frozen.read_along(
            features_BDE.flatten(0, 1)
        ).unflatten(  # type: ignore[operator]
            0, features_BDE.shape[:2]
        )
        steps = [] if self.shrink is None else [self.shrink(features_BDE)]
        steps += [said_BDK] if LOGITS in self.reads else []
        if DELTAS in self.reads:
            steps += [change for step in tuple(steps) for change in deltas(step, is_slice)]
        if PLACE in self.reads:
            unknown = features_BDE.new_zeros(*features_BDE.shape[:2], 2)
            steps.append(unknown if places_BD2 is None else places_BD2)
        return said_BDK, torch.cat(steps, dim=2)


def deltas(steps: Tensor, is_slice: Tensor) -> tuple[Tensor, Tensor]:
    """What changes from the slice before, and to the slice after; 0 where there is none.

    Args:
        steps: (B, D, I).
        is_slice: (B, D) bool, True first.

    Returns:
        Two (B, D, I).
    """
    change = (steps[:, 1:] - steps[:, :-1]) * is_slice[:, 1:, None]
    nothing = torch.zeros_like(steps[:, :1])
    return torch.cat([nothing, change], dim=1), torch.cat([change, nothing], dim=1)


def reads_places(network: nn.Module) -> bool:
    """Whether a network wants to know where the slices of a scan lie."""
    return isinstance(network, SequenceReader) and PLACE in network.reads


def _leave_out_frozen(_module: nn.Module, state: dict[str, Tensor], prefix: str, _metadata: object) -> None:
    for name in [name for name in state if name.startswith(prefix + FROZEN)]:
        del state[name]


def _do_not_miss_frozen(_module: nn.Module, keys: _IncompatibleKeys) -> None:
    keys.missing_keys[:] = [name for name in keys.missing_keys if not name.startswith(FROZEN)]
