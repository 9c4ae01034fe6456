"""The two ends of a recording: a call's boundaries, wrapped so that all that crosses them is noted; and the replay.

What came in (frames, ticks, joins, the engines' answers) makes a call again; what it decided (clauses, deliveries) is
then compared. The file itself is telemetry's.
"""
