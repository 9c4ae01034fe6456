"""The encoders of speakers: run where onnx and onnxruntime are (`make test-xtts` and `make test`)."""
