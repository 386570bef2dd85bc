# The image is made of the wheel: everything is fetched by hash, and the second stage has no tool to build with.
# docs/how-to/install.md says how it is run; tests/test_image.py runs these commands where there is no Docker.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements-install.lock ./
# The installations below may take nothing but these files.
RUN pip wheel --no-cache-dir --require-hashes -r requirements-install.lock -w /wheels
COPY . .
# The date of every file in the wheel: the same source makes the same bytes.
ARG SOURCE_DATE_EPOCH=1767225600
RUN python -m venv /build \
 && /build/bin/pip install --no-cache-dir --no-index --find-links /wheels hatchling \
 && /build/bin/pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation -w /dist . \
 && python -m venv --without-pip /opt/edi-gateway \
 && pip --python /opt/edi-gateway/bin/python install --no-cache-dir --no-index --find-links /wheels \
    "$(echo /dist/*.whl)[labels,objects,oidc,otel,postgres,sftp-server]"

FROM python:3.13-slim
LABEL org.opencontainers.image.title="edi-gateway" \
      org.opencontainers.image.description="EDI gateway for suppliers: retailers' X12 documents in and out" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 edigw \
 && useradd --system --uid 10001 --gid edigw --home-dir /var/lib/edi-gateway --no-create-home edigw \
 && install --directory --owner=edigw --group=edigw --mode=700 /var/lib/edi-gateway
# For backups of a database on PostgreSQL. Of Debian's packages there is only the newest.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends postgresql-client \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/edi-gateway /opt/edi-gateway
ENV PATH=/opt/edi-gateway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    EDIGW_HOME=/var/lib/edi-gateway \
    EDIGW_WEB_LISTEN=0.0.0.0:8080
# Only the home and /tmp are written: the rest may be read-only (docker run --read-only --tmpfs /tmp).
USER 10001:10001
WORKDIR /var/lib/edi-gateway
VOLUME ["/var/lib/edi-gateway"]
EXPOSE 8080
STOPSIGNAL SIGTERM
# Of `up` and `serve`; a worker listens nowhere.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/livez', timeout=4)"]
ENTRYPOINT ["edigw"]
CMD ["up"]
