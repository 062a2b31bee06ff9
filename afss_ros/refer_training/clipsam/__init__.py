"""The large referring network: SigLIP 2 reads and looks, SAM draws, LoRA adapts both. Needs their weights and a GPU.

The wiring is that of RSRefSeg (arXiv 2501.06809). Here each encoder gets its own normalisation, texts are padded to the
length that SigLIP was trained with, no layer looks at the batch, and Dice is of each mask by itself.
"""
