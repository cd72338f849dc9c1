# One image for every role: `docker run breakwater worker edge`, `serve`, `status`, … See docs/docker.md.
FROM python:3.11-slim-bookworm AS build

# The system's certificates: what the base image trusts is trusted.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_SYSTEM_CERTS=1 UV_NO_CACHE=1
WORKDIR /build

COPY requirements-bootstrap.lock ./
RUN python -m venv /bootstrap \
 && /bootstrap/bin/python -m pip install --quiet --require-hashes -r requirements-bootstrap.lock

COPY pyproject.toml README.md ./
COPY schemas schemas
COPY state state
COPY streams streams
COPY agents agents
COPY ops ops
RUN /bootstrap/bin/hatchling build -t wheel -d dist \
 && /bootstrap/bin/uv pip install --quiet --python /usr/local/bin/python --no-deps --compile-bytecode \
        --target /opt/breakwater dist/*.whl


FROM python:3.11-slim-bookworm

COPY requirements-bootstrap.lock requirements.lock /tmp/locks/
# In one step with what installs it, so that the layer holds nothing but the dependencies.
RUN export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_SYSTEM_CERTS=1 UV_NO_CACHE=1 \
 && python -m venv /tmp/bootstrap \
 && /tmp/bootstrap/bin/python -m pip install --quiet --require-hashes -r /tmp/locks/requirements-bootstrap.lock \
 && /tmp/bootstrap/bin/uv pip install --quiet --python /usr/local/bin/python --require-hashes --compile-bytecode \
        -r /tmp/locks/requirements.lock \
 && rm -rf /tmp/bootstrap /tmp/locks \
 && useradd --uid 10001 --home-dir /var/lib/breakwater --no-create-home --shell /usr/sbin/nologin breakwater \
 && install -d -o breakwater -g breakwater /var/lib/breakwater
# The program is a layer of its own, of three megabytes.
COPY --from=build /opt/breakwater /opt/breakwater

ENV PATH=/opt/breakwater/bin:$PATH PYTHONPATH=/opt/breakwater PYTHONUNBUFFERED=1 BREAKWATER_HOME=/var/lib/breakwater
USER breakwater
WORKDIR /var/lib/breakwater
VOLUME /var/lib/breakwater
EXPOSE 8080
ENTRYPOINT ["breakwater"]
