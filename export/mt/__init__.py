"""`dragoman export mt`: a neural translator of the user's own, made a model of the repository."""
