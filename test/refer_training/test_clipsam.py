"""The large network on small random weights: batch-mates change nothing, LoRA merges, and the export agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from small_encoders import SIDE, tiny

from afss_ros.refer import ReferError, SentenceError
from afss_ros.refer_training.clipsam.files import encode, load, to_onnx
from afss_ros.refer_training.clipsam.lora import LowRank, adapt, merge
from afss_ros.refer_training.clipsam.network import TOKENS, ClipSam, Options, losses

STEPS = 1000


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A picture of a red and a blue square, asked about each."""
    images, masks = np.full((2, SIDE, SIDE, 3), 30, np.uint8), np.zeros((2, SIDE, SIDE), np.float32)
    tokens = np.ones((2, TOKENS), np.int64)
    for row in range(2):
        left, right = (8, 40) if row < 2 else (40, 8)
        images[row, 16:40, left : left + 16] = (220, 30, 30)
        images[row, 16:40, right : right + 16] = (30, 30, 220)
        meant = left if row % 2 == 0 else right
        masks[row, 16:40, meant : meant + 16] = 1
        tokens[row, : 3 + row % 2] = [5, 7 + row % 2, 11, 13][: 3 + row % 2]
    return torch.from_numpy(images), torch.from_numpy(tokens), torch.from_numpy(masks)


@pytest.fixture(scope="module", params=["sam", "sam2"])
def adapted(request: pytest.FixtureRequest) -> ClipSam:
    """One step from its base, in every layer that is adapted."""
    network = ClipSam(*tiny(draws=request.param), Options(rank=8, alpha=16))
    for layer in network.modules():
        if isinstance(layer, LowRank):
            torch.nn.init.normal_(layer.up, std=0.05)
    return network.eval()


@pytest.mark.parametrize("draws", ["sam", "sam2"])
def test_one_batch_is_learned_and_the_base_never_touched(draws: str) -> None:
    """The same picture twice, another sentence each: who hears no words stays at the union of both, an IoU of 0.5."""
    network = ClipSam(*tiny(draws=draws), Options(rank=8, alpha=16))
    images, tokens, masks = batch()
    learning = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=1e-3, weight_decay=0.0)
    worst = 0.0
    for _ in range(STEPS):
        drawn = network(images, tokens)
        true = torch.nn.functional.interpolate(masks[:, None], size=drawn.mask.shape[1:], mode="area")[:, 0] > 0.5
        found = drawn.mask > 0
        worst = float(((found & true).sum((1, 2)) / (found | true).sum((1, 2))).min())
        if worst > 0.95:
            break
        loss = losses(drawn, masks)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
    assert worst > 0.95
    before, _ = tiny(draws=draws)
    after = network.siglip.text_model.encoder.layers[0].self_attn.q_proj
    assert isinstance(after, LowRank) and bool(after.up.any())
    assert torch.equal(after.base.weight, before.text_model.encoder.layers[0].self_attn.q_proj.weight)


def test_batch_mates_change_nothing(adapted: ClipSam) -> None:
    images, tokens, _ = batch()
    with torch.inference_mode():
        together = adapted(images, tokens)
        alone = [adapted(images[row : row + 1], tokens[row : row + 1]) for row in range(2)]
    assert torch.allclose(together.mask, torch.cat([one.mask for one in alone]), atol=2e-3)
    assert torch.allclose(together.presence, torch.cat([one.presence for one in alone]), atol=1e-3)


def test_it_merges_and_the_export_says_the_same(adapted: ClipSam, tmp_path: Path) -> None:
    images, tokens, _ = batch()
    with torch.inference_mode():
        before = adapted(images, tokens).mask
    path = to_onnx(adapted, tmp_path / "large.onnx", SIDE)
    assert not [m for m in adapted.modules() if isinstance(m, LowRank)]
    with torch.inference_mode():
        after = adapted(images, tokens).mask
    assert torch.allclose(before, after, atol=2e-3)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (mask,) = session.run(["mask"], {"image": images[:1].numpy(), "tokens": tokens[:1].numpy()})
    assert np.abs(np.asarray(mask) - after[:1].sigmoid().numpy()).max() < 1e-3


def test_a_layer_merges_to_what_it_said() -> None:
    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Linear(5, 4, bias=False)).double()
    assert adapt(network, ("0", "1"), 2, 4.0) == 2
    x = torch.randn(3, 6, dtype=torch.float64)
    for layer in network:
        assert isinstance(layer, LowRank)
        torch.nn.init.normal_(layer.up)
    before = network(x)
    assert merge(network) == 2 and torch.allclose(network(x), before, atol=1e-12)
    with pytest.raises(ReferError, match="no linear layer called query"):
        adapt(network, ("query",), 2, 4.0)


def test_texts_are_filled_up_to_what_siglip_was_trained_with() -> None:
    def tokeniser(text: str, padding: str, max_length: int, truncation: bool) -> dict[str, list[int]]:
        assert padding == "max_length" and max_length == 64 and not truncation
        numbers = [5] * len(text.split())
        return {"input_ids": numbers + [1] * (max_length - len(numbers))}

    assert encode(tokeniser, "the left panel").tolist() == [5, 5, 5] + [1] * 61
    with pytest.raises(SentenceError, match="has 65 tokens, SigLIP reads 64"):
        encode(tokeniser, "a " * 65)
    with pytest.raises(ReferError, match="reads 16 tokens and not 64"):
        ClipSam(*tiny(tokens=16))


def test_a_checkpoint_that_is_none_is_named(tmp_path: Path) -> None:
    siglip, _ = tiny()
    siglip.save_pretrained(tmp_path / "siglip")
    with pytest.raises(ReferError, match="is no model that draws here; give one of sam or sam2"):
        ClipSam(siglip, siglip)
    with pytest.raises(ReferError, match="cannot be loaded"):
        load(str(tmp_path / "siglip"), str(tmp_path / "nothing"))
