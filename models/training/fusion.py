"""The multi-modal fusion network: text, context and metadata, each with a layer of its own, joined in one more.

Whole modalities are dropped at random while it learns, so that it answers when only the text is there.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from scipy import sparse
from torch import nn

from models.features import METADATA_COLUMNS
from models.taxonomy import LABELS
from models.training.design import Design, Floats, rarity, scaled

TEXT, SIDE, JOINED = 64, 16, 96
EPOCHS, BATCH, RATE = 12, 64, 3e-3
MODALITY_DROPOUT: Final = 0.5


class Network(nn.Module):
    """Bags of hashed features -> 64 (text) and 16 (context), metadata -> 16, joined -> 96 -> 16 scores."""

    def __init__(self, text_columns: int, context_columns: int) -> None:
        super().__init__()
        self.text = nn.EmbeddingBag(text_columns, TEXT, mode="sum", sparse=True)
        self.context = nn.EmbeddingBag(context_columns, SIDE, mode="sum", sparse=True)
        for bag in (self.text, self.context):
            nn.init.normal_(bag.weight, std=0.1)
        self.metadata = nn.Linear(METADATA_COLUMNS, SIDE)
        self.joined = nn.Sequential(
            nn.Dropout(0.2), nn.ReLU(), nn.Linear(TEXT + 2 * SIDE, JOINED), nn.ReLU(), nn.Dropout(0.3)
        )
        self.out = nn.Linear(JOINED, len(LABELS))

    def forward(self, text: Any, context: Any, metadata: torch.Tensor) -> torch.Tensor:
        side = [self.context(context[0], context[1], per_sample_weights=context[2]), self.metadata(metadata)]
        if self.training:
            side = [s * (torch.rand(len(s), 1) > MODALITY_DROPOUT) for s in side]
        whole = torch.cat([self.text(text[0], text[1], per_sample_weights=text[2]), *side], dim=1)
        return torch.as_tensor(self.out(self.joined(whole)))


class Fusion:
    """The network, trained on a design; the same for the same design."""

    def __init__(self, design: Design) -> None:
        torch.manual_seed(0)
        self._word_rarity, self._character_rarity = rarity(design.words), rarity(design.characters)
        text = self._text(design)
        self._network = Network(text.shape[1], design.context.shape[1])
        self._fit(text, design)

    def _text(self, design: Design) -> Any:
        blocks = [scaled(design.words, self._word_rarity), scaled(design.characters, self._character_rarity)]
        return sparse.hstack([*blocks, design.cues * 0.25]).tocsr()

    def _fit(self, text: Any, design: Design) -> None:
        bags = [self._network.text.weight, self._network.context.weight]
        dense = [p for n, p in self._network.named_parameters() if n not in ("text.weight", "context.weight")]
        optimizers = [torch.optim.SparseAdam(bags, lr=RATE), torch.optim.Adam(dense, lr=RATE)]
        weight = torch.tensor(len(design) / (len(LABELS) * np.bincount(design.labels, minlength=len(LABELS))))
        loss = nn.CrossEntropyLoss(weight=weight.float(), label_smoothing=0.05)
        order = np.random.default_rng(0)
        self._network.train()
        for _ in range(EPOCHS):
            for rows in np.array_split(order.permutation(len(design)), max(1, len(design) // BATCH)):
                for optimizer in optimizers:
                    optimizer.zero_grad()
                loss(self._forward(text, design, rows), torch.from_numpy(design.labels[rows])).backward()
                for optimizer in optimizers:
                    optimizer.step()

    def _forward(self, text: Any, design: Design, rows: Any) -> torch.Tensor:
        metadata = torch.from_numpy(design.metadata[rows]).float()
        return torch.as_tensor(self._network(_bag(text[rows]), _bag(design.context[rows]), metadata))

    def scores(self, design: Design) -> Floats:
        self._network.eval()
        text = self._text(design)
        with torch.no_grad():
            parts = [
                self._forward(text, design, rows).double().numpy()
                for rows in np.array_split(np.arange(len(design)), max(1, len(design) // 512))
            ]
        return np.concatenate(parts)


def _bag(matrix: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Columns, where each row begins, and values, as EmbeddingBag wants them."""
    return (
        torch.from_numpy(matrix.indices.astype(np.int64)),
        torch.from_numpy(matrix.indptr[:-1].astype(np.int64)),
        torch.from_numpy(matrix.data).float(),
    )
