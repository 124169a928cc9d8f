# The hub as an image: locked dependencies, no tools, its own user, a root file system that may be read-only.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock setup.cfg pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/congvan \
    && /opt/congvan/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY trust_store trust_store
COPY envelopes envelopes
COPY exchange exchange
COPY adapters adapters
RUN /opt/congvan/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
COPY --from=build /opt/congvan /opt/congvan
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin congvan \
    && install -d -o congvan -g congvan -m 0700 /data
ENV PATH=/opt/congvan/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER congvan
VOLUME /data
EXPOSE 8800
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8800/readyz', timeout=2)"]
ENTRYPOINT ["congvan"]
CMD ["serve", "--dir", "/data", "--host", "0.0.0.0", "--port", "8800"]
