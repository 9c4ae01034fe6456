"""`dragoman export ecapa` and `campplus`: encoders of speakers, out of torch checkpoints without torch."""
