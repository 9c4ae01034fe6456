"""Set-up without root: gets everything a run needs into one cache folder. Standard library only.

It runs on the machine's own `python3`, before any environment of ours exists.
"""
