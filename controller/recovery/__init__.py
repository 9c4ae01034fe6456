"""What keeps a call going when a part fails."""
