# Triton on a GPU: NVIDIA's own image with what our models import. `docker build -f docker/triton-gpu.Dockerfile .`
# 25.06 is CUDA 12.9 and Python 3.12, which export/setup/requirements/triton-gpu.txt is pinned for (export/setup/pins.py).
# Pinned by tag: its digest was not to be had where this was written.

FROM nvcr.io/nvidia/tritonserver:25.06-py3
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3.12-venv=3.12.* \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 dragoman \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin dragoman \
    && install -d -o dragoman -g dragoman /model_repository
WORKDIR /opt/dragoman/app
COPY export/setup/requirements/triton-gpu.txt export/setup/requirements/triton-gpu.txt
RUN python3 -m venv /opt/dragoman/env \
    && /opt/dragoman/env/bin/python -m pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes \
        -r export/setup/requirements/triton-gpu.txt \
    && echo /opt/dragoman/app >/opt/dragoman/env/lib/python3.12/site-packages/dragoman.pth
COPY pyproject.toml ./
COPY asterisk asterisk
COPY export export
COPY controller controller
RUN python3 -m compileall -q asterisk controller export
# In front of the image's own: the models' processes find their Python by PATH.
ENV OMP_NUM_THREADS=1 \
    ORT_DISABLE_TELEMETRY=1 \
    PATH=/opt/dragoman/env/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONNOUSERSITE=1
USER 10001:10001
EXPOSE 8000 8001 8002
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=60s --start-period=180s --retries=2 \
    CMD ["python3", "-m", "controller.stack.health", "--models", "/model_repository", "http://127.0.0.1:8000"]
ENTRYPOINT ["python3", "-m", "controller.stack.triton_container", "/opt/tritonserver", "/model_repository"]
