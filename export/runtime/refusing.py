"""How a model's refusal is told from its trouble where an error comes without its code, as it does within a stream.

Triton would send the code to a client that asks for it (`triton_grpc_error`), but 24.10 dies of that after some dozen.
"""

REFUSED = "refused: "
"""What a refusal begins with."""
