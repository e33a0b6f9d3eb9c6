FROM node:20-bookworm-slim AS packages
WORKDIR /jday
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:20-bookworm-slim
# redis-server: a backup counts once it was restored into a scratch server.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates redis-server \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /jday
ENV NODE_ENV=production BACKUP_DIR=/backups
COPY --from=packages /jday/node_modules ./node_modules
COPY . .
# A named volume takes over owner and rights of the folder that it is first mounted on.
RUN install --directory --owner=node --mode=0700 /backups \
  && install --directory --owner=node /models
# The first start makes the bundle of the sources. The user below may not write it.
RUN node client/jday.mjs --help > /dev/null
USER node
VOLUME /backups
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "client/jday.mjs", "worker"]
