"""What the encoders of speakers cost, beside speechbrain."""
