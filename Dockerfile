# By tag, since their digests could not be looked up offline: `bun run release --tag` fails until each
# has one (src/manual/releases.md says how to look it up).

FROM debian:12.11-slim AS libraries

FROM --platform=$BUILDPLATFORM oven/bun:1.4.5-slim AS build
WORKDIR /build
COPY package.json bun.lock .ci/bun.sha256 ./
COPY patches patches
RUN bun install --frozen-lockfile
COPY bunfig.toml tsconfig.json CHANGELOG.md SECURITY.md ./
COPY src src
ARG TARGETARCH
# The baseline target, since processors of small gateways often lack AVX2. If Bun has to download what it
# builds on, that must be the one of bun.sha256.
RUN case "$TARGETARCH" in \
      amd64) target=linux-x64-baseline ;; \
      arm64) target=linux-arm64 ;; \
      *) echo "No build for '$TARGETARCH': needs BuildKit, and amd64 or arm64" >&2; exit 1 ;; \
    esac \
    && bun run compile --target=bun-$target --outfile=/image/usr/bin/secure-lock-server \
    && for bun in "$HOME"/.bun/install/cache/bun-linux-*; do \
         [ ! -e "$bun" ] || grep -q "^$(sha256sum "$bun" | cut -d ' ' -f 1) " bun.sha256 || exit 1; \
       done \
    && mkdir -m 0700 /empty \
    && mkdir /image/lib \
    && ln -s lib /image/lib64
# All that the executable loads; /lib64 is where x64 looks for its loader, /lib where arm64 does.
COPY --from=libraries \
     /usr/lib/*-linux-gnu/ld-linux-*.so.? \
     /usr/lib/*-linux-gnu/libc.so.6 \
     /usr/lib/*-linux-gnu/libdl.so.2 \
     /usr/lib/*-linux-gnu/libm.so.6 \
     /usr/lib/*-linux-gnu/libpthread.so.0 \
     /image/lib/
# What the licence of these libraries asks for, and what a scanner needs to name them.
COPY --from=libraries /usr/share/doc/libc6/copyright /image/usr/share/doc/libc6/
COPY --from=libraries /usr/lib/os-release /image/etc/
COPY --from=libraries /var/lib/dpkg/status ./
RUN mkdir -p /image/var/lib/dpkg/status.d \
    && sed -n '/^Package: libc6$/,/^$/p' status > /image/var/lib/dpkg/status.d/libc6

# The executable (114 MB) and the libraries it loads (3 MB), and nothing else.
FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Secure Lock Server" \
      org.opencontainers.image.description="Accounts for a front door, and a log of who unlocked it that anyone can verify, in one executable" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /image/ /
COPY --from=build --chown=65532:65532 --chmod=0700 /empty /data
ENV DATA_DIR=/data
VOLUME ["/data"]
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
  CMD ["/usr/bin/secure-lock-server", "healthcheck"]
ENTRYPOINT ["/usr/bin/secure-lock-server"]
