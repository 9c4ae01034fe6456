"""The controller's side of Triton: one gRPC client, and the contracts of the models behind it.

Knows tensors and errors; knows no call, no queue and no process.
"""
