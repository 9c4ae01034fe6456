"""Makes the style network: its graph, its weights out of a training or at random, and where those are kept."""
