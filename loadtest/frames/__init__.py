"""What a frame costs: the controller under real web sockets, beside a framework, and while it is scraped.

`python -m loadtest.frames` runs it (`make bench-frames`). Measuring happens here, never in the measured code.
"""
