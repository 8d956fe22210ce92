"""The LSTM autoencoder itself: torch lives here and is imported only by whoever trains or runs it.

Windows of 100 steps x up to 50 metrics are squeezed into 16 numbers and unfolded again. A target with fewer metrics leaves the
other inputs masked: they are 0 on the way in and count in no loss and no error.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

STEPS, METRICS, LATENT = 100, 50, 16
OUTER, INNER = 64, 32  # hidden units of the two LSTM layers on each side
BATCH, EPOCHS, RATE = 64, 30, 3e-3
PATIENCE = 4  # epochs without a better error on the rows held out
MAX_WINDOWS = 1200  # an epoch sees
Windows = NDArray[np.float32]


class LSTMAutoencoder(nn.Module):
    """windows x steps x metrics in and out."""

    def __init__(self, metrics: int = METRICS, latent: int = LATENT) -> None:
        super().__init__()
        self.encode_outer = nn.LSTM(metrics, OUTER, batch_first=True)
        self.encode_inner = nn.LSTM(OUTER, INNER, batch_first=True)
        self.squeeze = nn.Linear(INNER, latent)
        self.decode_inner = nn.LSTM(latent, INNER, batch_first=True)
        self.decode_outer = nn.LSTM(INNER, OUTER, batch_first=True)
        self.restore = nn.Linear(OUTER, metrics)

    def forward(self, rows: Tensor) -> Tensor:
        hidden, _ = self.encode_outer(rows)
        _, (last, _) = self.encode_inner(hidden)
        latent = self.squeeze(last[-1])
        hidden, _ = self.decode_inner(latent.unsqueeze(1).expand(-1, rows.shape[1], -1))
        hidden, _ = self.decode_outer(hidden)
        restored: Tensor = self.restore(hidden)
        return restored


def train(
    windows: Windows, mask: Windows, held: Windows, held_mask: Windows, seed: int = 0
) -> LSTMAutoencoder:
    """Fit to windows (n x STEPS x METRICS, 0 where the mask is 0) until the held-out error gets no better; the best is kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = LSTMAutoencoder()
        order = torch.Generator().manual_seed(seed)
        optimiser = torch.optim.Adam(net.parameters(), RATE)
        best, state, since = float("inf"), net.state_dict(), 0
        for _ in range(EPOCHS):
            chosen = torch.randperm(len(windows), generator=order)[:MAX_WINDOWS].numpy()
            for x, m in _batches(windows[chosen], mask[chosen], BATCH):
                optimiser.zero_grad()
                torch.autograd.backward(_masked(net(x), x, m))
                nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                optimiser.step()
            error = float(errors(net, held, held_mask).mean())
            since = 0 if error < best else since + 1
            if since == 0:
                best, state = error, {k: v.clone() for k, v in net.state_dict().items()}
            if since >= PATIENCE:
                break
        net.load_state_dict(state)
    return net.eval()


def errors(net: LSTMAutoencoder, windows: Windows, mask: Windows, batch: int = 512) -> Windows:
    """Squared errors, windows x STEPS x METRICS; 0 where masked."""
    with torch.inference_mode():
        parts = [((net(x) - x) ** 2 * m).numpy() for x, m in _batches(windows, mask, batch)]
    return np.concatenate(parts) if parts else np.empty_like(windows)


def _batches(windows: Windows, mask: Windows, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(windows), size):
        yield torch.from_numpy(windows[start : start + size]), torch.from_numpy(mask[start : start + size])


def _masked(restored: Tensor, rows: Tensor, mask: Tensor) -> Tensor:
    return ((restored - rows) ** 2 * mask).sum() / mask.sum().clamp(min=1)
