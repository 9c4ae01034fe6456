"""How well voices are told apart and styles are told by: error rates on packaged recordings of people."""
