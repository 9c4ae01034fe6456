"""`make bench-engines`: what streams to other people's engines cost here, against scripted stand-ins. Ours is measured,
not theirs: how fast or how well they answer is not known from it."""
