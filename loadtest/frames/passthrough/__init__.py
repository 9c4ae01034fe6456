"""Pure movement of frames, like for like: our pipeline and pipecat's processors under the same traffic.

On neither side a codec, a socket, a detector that listens or an engine: what is left is what moves a frame. Both run on
uvloop, each in a process with a core of its own. `traffic` needs the standard library and uvloop only, for it
runs in pipecat's environment too.
"""
