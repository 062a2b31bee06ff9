"""Teachers that need no download: saliency and GrabCut, optical flow, or an earlier student."""
