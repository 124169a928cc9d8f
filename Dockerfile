# Every package is downloaded once against the hashes of the lock; from those files the image takes only what the hub needs
# to run, so no test or build tool is in it. Its root file system may be read-only.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock ./
RUN pip download --no-cache-dir --require-hashes --no-deps --only-binary :all: --dest /wheels --requirement requirements.lock
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY trust_store trust_store
COPY envelopes envelopes
COPY exchange exchange
COPY adapters adapters
RUN pip install --no-index --find-links /wheels setuptools \
    && pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m venv /opt/congvan \
    && /opt/congvan/bin/pip install --no-index --find-links /wheels congvan

FROM python:3.11-slim
COPY --from=build /opt/congvan /opt/congvan
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin congvan \
    && install -d -o congvan -g congvan -m 0700 /data
ENV PATH=/opt/congvan/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001
VOLUME /data
EXPOSE 8800
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8800/healthz', timeout=2)"]
ENTRYPOINT ["congvan"]
CMD ["serve", "--dir", "/data", "--host", "0.0.0.0", "--port", "8800"]
