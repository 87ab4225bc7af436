"""RADnet: bleeds per slice with the eyes of a DenseNet, maps of where they are, and a memory along the scan.

Grewal, Srivastava, Kumar, Varadarajan: "RADnet: radiologist level accuracy using deep learning for hemorrhage detection
in CT scans", ISBI 2018. Section numbers below are the paper's.

DenseNet-40 (Huang et al. 2017), attention branches that draw the bleed, an LSTM over the slices of the scan. Without
attention and sequence it is the paper's baseline, with attention only its DenseNet-A.

Letters: B scans, D slices, C channels, S prepared size, K findings, E features, N slices of all scans of a batch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bregma.networks.batch import Batch, Outputs

BLOCKS = 3
"""Dense blocks (section 2.2.2); they stand at 1/2, 1/4 and 1/8 of the input, whence x2, x4, x8 in figure 1."""


class RADnet(nn.Module):
    """One probability per slice and finding, and three maps of where the bleed is.

    Args:
        channels: C, windows of a prepared slice.
        findings: K.
        growth: channels that each dense layer adds.
        layers: dense layers per block; 12 make 40 weighted layers.
        dropout: share of new channels' values that a dense layer drops while training.
        attention: whether the three maps are drawn.
        sequence: whether an LSTM reads along the slices.
        branch: channels between the two convolutions of an attention branch.
        hidden: LSTM units in each direction.
    """

    def __init__(
        self,
        *,
        channels: int = 1,
        findings: int = 1,
        growth: int = 12,
        layers: int = 12,
        dropout: float = 0.2,
        attention: bool = True,
        sequence: bool = True,
        branch: int = 8,
        hidden: int = 64,
    ) -> None:
        super().__init__()
        width = 2 * growth
        # An even kernel: pixel i of the output lies in the middle of input pixels 2i and 2i + 1, where a
        # deconvolution of stride 2 puts it back. With a 3 x 3 stem every map would be half a pixel off.
        self.stem = nn.Conv2d(channels, width, kernel_size=4, stride=2, padding=1, bias=False)
        self.blocks, self.transitions, branches = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for index in range(BLOCKS):
            self.blocks.append(DenseBlock(width, growth=growth, layers=layers, dropout=dropout))
            width += layers * growth
            if index < BLOCKS - 1:
                self.transitions.append(Transition(width, dropout=dropout))
            if attention:
                branches.append(AttentionBranch(width, branch=branch, scale=2 ** (index + 1)))
        self.branches = branches
        self.norm = nn.BatchNorm2d(width)
        self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=True) if sequence else None
        self.head = nn.Linear(2 * hidden if sequence else width, findings)
        self._initialise()

    def forward(self, batch: Batch) -> Outputs:
        """Slices that only fill up a batch take no part: not in the normalisation, not in the LSTM."""
        features_NE, maps = self.look(batch.images[batch.is_slice])
        features_BDE = batch.in_place(features_NE)
        if self.lstm is not None:
            features_BDE = self._read_scans_along(features_BDE, batch.is_slice.sum(dim=1))
        logits_BDK = self.head(features_BDE) * batch.is_slice[..., None]
        return Outputs(slice_logits=logits_BDK, maps=maps)

    def look(self, images_NCSS: Tensor) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """Each slice by itself: (N, E) features and the maps of the branches, or None without attention."""
        hidden = self.stem(images_NCSS.contiguous(memory_format=torch.channels_last))
        maps: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            hidden = block(hidden)
            if len(self.branches):
                maps.append(self.branches[index](hidden))
            if index < len(self.transitions):
                hidden = self.transitions[index](hidden)
        features = F.relu(self.norm(hidden)).mean(dim=(2, 3))
        return features, tuple(maps) or None

    def read_scan(self, images_DCSS: Tensor) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """One whole scan, as it is served: (D, K) logits and the maps."""
        features_DE, maps = self.look(images_DCSS)
        return self.read_along(features_DE), maps

    def read_along(self, features_DE: Tensor) -> Tensor:
        """(D, K) logits from the features of all slices of one scan."""
        if self.lstm is not None:
            features_DE = self.lstm(features_DE[None])[0][0]
        logits_DK: Tensor = self.head(features_DE)
        return logits_DK

    def _read_scans_along(self, features_BDE: Tensor, lengths_B: Tensor) -> Tensor:
        """The LSTM turns round at each scan's own last slice."""
        packed = pack_padded_sequence(features_BDE, lengths_B.cpu(), batch_first=True, enforce_sorted=False)
        read, _ = self.lstm(packed)  # type: ignore[misc]  # only called when there is one
        unpacked, _ = pad_packed_sequence(read, batch_first=True, total_length=features_BDE.shape[1])
        return unpacked

    def _initialise(self) -> None:
        """He et al. 2015 for every convolution (section 2.2.3)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        for branch in self.branches:
            branch.start_dark()  # type: ignore[operator]  # an AttentionBranch


class DenseBlock(nn.Module):
    """Each layer sees everything before it and adds `growth` channels."""

    def __init__(self, width: int, *, growth: int, layers: int, dropout: float) -> None:
        super().__init__()
        widths = range(width, width + layers * growth, growth)
        self.layers = nn.ModuleList(DenseLayer(seen, growth=growth, dropout=dropout) for seen in widths)

    def forward(self, hidden: Tensor) -> Tensor:
        """(N, width, h, w) to (N, width + layers * growth, h, w)."""
        for layer in self.layers:
            hidden = torch.cat([hidden, layer(hidden)], dim=1)
        return hidden


class DenseLayer(nn.Module):
    """BN, ReLU, 3 x 3 convolution, dropout (Huang et al. 2017, section 3)."""

    def __init__(self, width: int, *, growth: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.conv = nn.Conv2d(width, growth, kernel_size=3, padding=1, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """The new channels only."""
        new: Tensor = self.dropout(self.conv(F.relu(self.norm(hidden))))
        return new


class Transition(nn.Module):
    """BN, ReLU, 1 x 1 convolution, dropout, and half the size by means of 2 x 2 pixels."""

    def __init__(self, width: int, *, dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.conv = nn.Conv2d(width, width, kernel_size=1, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """(N, width, h, w) to (N, width, h/2, w/2)."""
        return F.avg_pool2d(self.dropout(self.conv(F.relu(self.norm(hidden)))), 2)


class AttentionBranch(nn.Module):
    """1 x 1 convolution, then one deconvolution up to the size of the input (section 2.2.2, figure 1).

    Kernel 2s, stride s, padding s/2: the weights overlap like a linear interpolation's, and coarse pixel i is centred
    on the s fine pixels that it stands for.
    """

    def __init__(self, width: int, *, branch: int, scale: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(width, branch, kernel_size=1)
        self.grow = nn.ConvTranspose2d(branch, 1, kernel_size=2 * scale, stride=scale, padding=scale // 2)

    def forward(self, hidden: Tensor) -> Tensor:
        """(N, width, S/scale, S/scale) to (N, 1, S, S) logits."""
        drawn: Tensor = self.grow(self.squeeze(hidden))
        return drawn

    def start_dark(self) -> None:
        """Begin with maps that say 5 % everywhere, as blood is rare; else the first epoch only learns that."""
        nn.init.zeros_(self.squeeze.bias)  # type: ignore[arg-type]  # both convolutions have a bias
        nn.init.constant_(self.grow.bias, -3.0)  # type: ignore[arg-type]
