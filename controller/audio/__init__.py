"""Fixed-cost signal work, under 50 us a frame. Knows samples; knows no queue, engine or call."""
