# The controller: `docker build -f docker/controller.Dockerfile .` in the checkout.
# Its Python environment is made by the same set-up, from the same pins, as `make setup` makes it.

FROM debian:bookworm-20260518-slim@sha256:0104b334637a5f19aa9c983a91b54c89887c0984081f2068983107a6f6c21eeb AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates=2023* python3=3.11.* python3-venv=3.11.* \
    && rm -rf /var/lib/apt/lists/*
ENV DRAGOMAN_CACHE=/opt/dragoman/cache
WORKDIR /opt/dragoman/app
# What set-up is made of comes first: a change of the controller alone fetches nothing anew.
COPY pyproject.toml ./
COPY asterisk asterisk
COPY export export
COPY controller/__init__.py controller/errors.py controller/
RUN python3 -m export.setup env-controller encryption
COPY controller controller
COPY docker/serve docker/serve
RUN python3 -m compileall -q asterisk controller export

FROM debian:bookworm-20260518-slim@sha256:0104b334637a5f19aa9c983a91b54c89887c0984081f2068983107a6f6c21eeb
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates=2023* python3=3.11.* \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 dragoman \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /var/lib/dragoman --shell /usr/sbin/nologin dragoman \
    && install -d -o dragoman -g dragoman -m 0700 /run/dragoman /var/lib/dragoman
COPY --from=build /opt/dragoman /opt/dragoman
# The port is set here, where the health check names it: a variable wins over dragoman.toml.
ENV DRAGOMAN_API__PORT=8090 \
    DRAGOMAN_CACHE=/opt/dragoman/cache \
    PATH=/opt/dragoman/cache/env/controller/bin:$PATH \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/dragoman
USER 10001:10001
EXPOSE 8090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python3", "-m", "controller.stack.health", "http://127.0.0.1:8090/livez"]
ENTRYPOINT ["/opt/dragoman/app/docker/serve"]
CMD ["serve", "--config", "/etc/dragoman/dragoman.toml"]
