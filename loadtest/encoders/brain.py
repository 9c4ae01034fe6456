"""The reference, speechbrain, with our structural weights in it: runs in its own environment (`make reference-env`).

What is compared with it gets arrays, never tensors; nothing of ours is on this side but names, shapes and weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from speechbrain.lobes.features import Fbank
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from speechbrain.processing.features import InputNormalization

from export.identity.manifest import BANDS, DILATIONS, FIRST_KERNEL, KERNEL, Ecapa
from export.identity.structural import Structural


class Reference:
    """The chain of modules that `EncoderClassifier.encode_batch` of speechbrain/spkrec-ecapa-voxceleb runs."""

    def __init__(self, sizes: Ecapa, seed: int) -> None:
        """
        Raises:
            ValueError: its tensors are not those of our manifest.
        """
        self._fbank = Fbank(n_mels=BANDS)
        self._norm = InputNormalization(norm_type="sentence", std_norm=False)
        blocks = len(DILATIONS)
        self._network = ECAPA_TDNN(
            BANDS,
            lin_neurons=sizes.width,
            channels=[sizes.channels] * (1 + blocks) + [sizes.aggregated],
            kernel_sizes=[FIRST_KERNEL] + [KERNEL] * blocks + [1],
            dilations=[1, *DILATIONS, 1],
            attention_channels=sizes.attention,
            se_channels=sizes.squeezed,
        )
        tensors = Structural(sizes, seed)
        state = self._network.state_dict()
        if strange := state.keys() ^ tensors.keys():
            raise ValueError(f"the reference and the manifest differ in {', '.join(sorted(strange))}")
        for name, tensor in state.items():
            made = torch.from_numpy(np.asarray(tensors[name]))
            if made.shape != tensor.shape:
                raise ValueError(f"{name} is {tuple(tensor.shape)} in the reference, not {tuple(made.shape)}")
            tensor.copy_(made)
        self._network.eval()

    def features(self, clips: NDArray[np.int16]) -> torch.Tensor:
        """[clips, frames, 80] of int16[clips, samples]."""
        sound = torch.from_numpy(clips.astype(np.float32) / np.float32(32_768))
        return self._norm(self._fbank(sound), torch.ones(len(clips)))

    def __call__(self, clips: NDArray[np.int16]) -> NDArray[np.float32]:
        """float32[clips, width] of int16[clips, samples], all of one length."""
        with torch.inference_mode():
            vectors: Any = self._network(self.features(clips), torch.ones(len(clips)))
        found: NDArray[np.float32] = vectors[:, 0].numpy()
        return found
