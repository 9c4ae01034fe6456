# Triton on CPUs, and (target `models`) what fills its repository: `docker build -f docker/triton.Dockerfile .`
# The server, its Python environment and the weights are got by the same set-up, from the same pins, as `make setup`.

FROM debian:bookworm-20260518-slim@sha256:0104b334637a5f19aa9c983a91b54c89887c0984081f2068983107a6f6c21eeb AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates=2023* python3=3.11.* python3-venv=3.11.* \
    && rm -rf /var/lib/apt/lists/*
ENV DRAGOMAN_CACHE=/opt/dragoman/cache
WORKDIR /opt/dragoman/app
COPY pyproject.toml ./
COPY asterisk asterisk
COPY export export
COPY controller/__init__.py controller/errors.py controller/
RUN python3 -m export.setup python triton-server env-triton
COPY controller controller
RUN python3 -m compileall -q asterisk controller export

# The offline models' weights, which the server's own image does not carry.
FROM build AS weights
WORKDIR /opt/dragoman/app
RUN python3 -m export.setup whisper silero apertium

FROM debian:bookworm-20260518-slim@sha256:0104b334637a5f19aa9c983a91b54c89887c0984081f2068983107a6f6c21eeb AS server
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates=2023* python3=3.11.* \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 dragoman \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin dragoman \
    && install -d -o dragoman -g dragoman /model_repository
COPY --from=build /opt/dragoman /opt/dragoman
# The models' processes find their Python by PATH, libpython by LD_LIBRARY_PATH, and do what these say about threads.
ENV DRAGOMAN_CACHE=/opt/dragoman/cache \
    LD_LIBRARY_PATH=/opt/dragoman/cache/python/usr/lib/x86_64-linux-gnu \
    OMP_NUM_THREADS=1 \
    ORT_DISABLE_TELEMETRY=1 \
    PATH=/opt/dragoman/cache/env/triton/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONNOUSERSITE=1
WORKDIR /opt/dragoman/app
USER 10001:10001
EXPOSE 8000 8001 8002
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=60s --start-period=120s --retries=2 \
    CMD ["python3", "-m", "controller.stack.health", "--models", "/model_repository", "http://127.0.0.1:8000"]
ENTRYPOINT ["python3", "-m", "controller.stack.triton_container", "/opt/dragoman/cache/triton/pytriton/tritonserver", "/model_repository"]

FROM server AS models
WORKDIR /opt/dragoman/app
COPY --from=weights /opt/dragoman/cache/weights /opt/dragoman/cache/weights
COPY --from=weights /opt/dragoman/cache/apertium /opt/dragoman/cache/apertium
COPY model_repository model_repository
COPY docker/models docker/models
HEALTHCHECK NONE
ENTRYPOINT ["/opt/dragoman/app/docker/models"]
CMD ["/model_repository"]
