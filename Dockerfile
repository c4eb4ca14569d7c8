# One image for every process of ours; the command chooses (docker-compose.temporal.yml):
#   python -m api · python worker_main.py [--queue bridge] · python -m agents.atlas · python -m agents.media_bot · python -m cli
# tests/deploy builds the same tree by these very lines in a plain folder and starts all five from it.

FROM python:3.11-slim-bookworm AS build
# As in the Makefile; a test compares.
ARG UV_VERSION=0.13.8
RUN python -m pip install --no-cache-dir "uv==${UV_VERSION}"
WORKDIR /app
COPY requirements.prod.lock ./
# Wheels only: nothing is compiled, so neither stage needs a compiler.
RUN uv venv --python /usr/local/bin/python /app/.venv \
    && uv pip sync --require-hashes --no-build --compile-bytecode --no-cache \
        --python /app/.venv/bin/python requirements.prod.lock

FROM python:3.11-slim-bookworm
# A number of its own, so that files on volumes do not belong to a user of the host.
RUN groupadd --gid 10001 switchboard \
    && useradd --uid 10001 --gid switchboard --no-create-home --home-dir /tmp --shell /usr/sbin/nologin switchboard
WORKDIR /app
COPY --from=build /app/.venv /app/.venv
COPY contract ./contract
COPY engine ./engine
COPY workflows ./workflows
COPY activities ./activities
COPY agents ./agents
COPY api ./api
COPY bridge ./bridge
COPY cli ./cli
COPY store ./store
COPY deploy/healthcheck.py deploy/make_bucket.py ./deploy/
COPY worker_main.py bridge_worker.py ./
RUN python -m compileall -q -x /app/.venv /app
# The code is compiled and belongs to root: a running process can change nothing of it.
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LOG_FORMAT=json \
    API_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8080
# For the command below; Compose gives each service a check of its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "deploy/healthcheck.py", "http://127.0.0.1:8080/readyz"]
CMD ["python", "-m", "api"]
