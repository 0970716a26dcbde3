# Debian's redis-server under Valkey's name, for a machine that can reach no image registry: same port, same arguments.
FROM debian:12.12-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && ln -s redis-server /usr/bin/valkey-server \
 && ln -s redis-cli /usr/bin/valkey-cli \
 && install -d -o redis -g redis /data \
 && printf '%s\n' '#!/bin/sh' 'set -e' '# as Valkey does: the volume becomes its user’s, and it becomes that user' \
      'chown -R redis:redis /data' 'exec setpriv --reuid=redis --regid=redis --clear-groups -- "$@" --protected-mode no' >/entrypoint.sh \
 && chmod 0755 /entrypoint.sh
WORKDIR /data
EXPOSE 6379
ENTRYPOINT ["/entrypoint.sh"]
CMD ["valkey-server"]
