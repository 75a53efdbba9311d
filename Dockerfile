# What is installed, and nothing that was only needed to install it.
FROM node:24-bookworm-slim AS install
WORKDIR /opt/landfall
COPY package.json package-lock.json ./
# No install script runs: the database's binary is in its package, and without a compiler there is nothing to build.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && cd node_modules \
 && rm -rf better-sqlite3/deps better-sqlite3/src \
 && find better-sqlite3/prebuilds -name '*.node' ! -name "linux-$(node -p process.arch).node" -delete \
 && find . -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \) -delete
# The libraries that node is linked with and a bare Debian lacks.
RUN mkdir /libraries && ldd /usr/local/bin/node | awk '$3 ~ /libatomic/ {print $3}' | xargs -r -I{} cp -L {} /libraries
COPY bin bin
COPY src src
COPY feeds feeds
COPY migrations migrations

# Not the node image: npm, yarn and node's headers have no business here.
FROM debian:bookworm-slim
COPY --from=install /usr/local/bin/node /usr/local/bin/node
COPY --from=install /libraries/ /usr/local/lib/
# Numbers, so that a volume's owner can be set to match. Group members may read the database.
RUN ldconfig \
 && groupadd --gid 10001 landfall \
 && useradd --uid 10001 --gid landfall --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin landfall \
 && install -d -o landfall -g landfall -m 2770 /db \
 && install -d -o landfall -g landfall -m 0770 /landing \
 && install -d -o landfall -g landfall /opt/landfall/node_modules/.cache
COPY --from=install /opt/landfall /opt/landfall
WORKDIR /opt/landfall
ENV NODE_ENV=production LANDFALL_LANDING=/landing LANDFALL_DB=/db/visitpay.sqlite
USER landfall
# Node keeps what it has made of the sources: each start, and each health check, takes half the time.
RUN mkdir /tmp/landing \
 && node bin/landfall.cjs once --landing /tmp/landing --db /tmp/db/x.sqlite >/dev/null \
 && (timeout 4 node bin/landfall.cjs run --landing /tmp/landing --db /tmp/db/x.sqlite >/dev/null || true) \
 && (node bin/landfall.cjs status --check --landing /tmp/landing --db /tmp/db/x.sqlite >/dev/null || true) \
 && rm -rf /tmp/landing /tmp/db
# Temporary files, too, go where there is room and the right to write: the root is read-only, and /tmp is no volume.
ENV TMPDIR=/db
VOLUME ["/landing", "/db"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=2 \
  CMD ["node", "bin/landfall.cjs", "status", "--check"]
# node itself is process 1 and heeds SIGTERM; npm would end with 1.
ENTRYPOINT ["node", "/opt/landfall/bin/landfall.cjs"]
CMD ["run"]
