FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock ./
# Everything is fetched by hash first; the installation below may take nothing but these files.
RUN pip wheel --no-cache-dir --require-hashes -r requirements.lock -w /wheels
COPY . .
RUN python -m venv /build && /build/bin/pip install --no-index --find-links /wheels hatchling \
 && /build/bin/pip wheel --no-index --no-deps --no-build-isolation -w /dist . \
 && python -m venv /opt/edi-gateway \
 && /opt/edi-gateway/bin/pip install --no-index --find-links /wheels "$(echo /dist/*.whl)[postgres,objects]"

FROM python:3.13-slim
LABEL org.opencontainers.image.title="edi-gateway" org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 edigw \
 && useradd --system --uid 10001 --gid edigw --home-dir /var/lib/edi-gateway --create-home edigw
COPY --from=build /opt/edi-gateway /opt/edi-gateway
ENV PATH=/opt/edi-gateway/bin:$PATH PYTHONUNBUFFERED=1 EDIGW_HOME=/var/lib/edi-gateway
USER edigw
WORKDIR /var/lib/edi-gateway
# Overrides of mappings, schemas and settings go to /etc/edi-gateway, mounted read-only.
VOLUME ["/var/lib/edi-gateway"]
ENTRYPOINT ["edigw"]
STOPSIGNAL SIGTERM
CMD ["up"]
