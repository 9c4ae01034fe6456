# Asterisk for real phones: `docker build -f docker/asterisk.Dockerfile .`
# It is got by the same set-up as `make setup` gets it: unpacked Debian packages on libraries of their own.

FROM debian:bookworm-20260518-slim@sha256:0104b334637a5f19aa9c983a91b54c89887c0984081f2068983107a6f6c21eeb AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates=2023* python3=3.11.* \
    && rm -rf /var/lib/apt/lists/*
ENV DRAGOMAN_CACHE=/opt/dragoman/cache
WORKDIR /opt/dragoman/app
COPY asterisk asterisk
COPY export export
COPY controller/__init__.py controller/errors.py controller/
RUN python3 -m export.setup asterisk && python3 -m compileall -q asterisk controller export

FROM debian:bookworm-20260518-slim@sha256:0104b334637a5f19aa9c983a91b54c89887c0984081f2068983107a6f6c21eeb
# openssl hashes passwords; ca-certificates is what a provider's certificate is checked by.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates=2023* openssl=3.0.* python3=3.11.* \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 dragoman \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /var/lib/dragoman --shell /usr/sbin/nologin dragoman \
    && install -d -o dragoman -g dragoman -m 0700 /run/asterisk /run/dragoman /var/lib/dragoman
COPY --from=build /opt/dragoman /opt/dragoman
ENV DRAGOMAN_CACHE=/opt/dragoman/cache \
    PATH=/opt/dragoman/cache/asterisk:$PATH \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/dragoman/app
USER 10001:10001
EXPOSE 5060/udp 5061/tcp 10000-10099/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 \
    CMD ["asterisk", "-C", "/run/asterisk/etc/asterisk.conf", "-rx", "core waitfullybooted"]
ENTRYPOINT ["python3", "-m", "asterisk.container"]
