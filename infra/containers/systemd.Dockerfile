# A Debian that boots, as a machine does: what docs/production.md is run on by "make test-containers".
FROM debian:12.12-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends systemd systemd-sysv dbus \
 && rm -rf /var/lib/apt/lists/* \
 && systemctl mask systemd-udevd.service systemd-modules-load.service sys-kernel-debug.mount sys-kernel-tracing.mount
# Outside of a container systemd shares its mounts with what it starts, which is how a unit gets its credentials.
RUN printf '%s\n' '[Unit]' 'DefaultDependencies=no' 'Before=sysinit.target' '[Service]' 'Type=oneshot' 'ExecStart=/bin/mount --make-rshared /' \
      '[Install]' 'WantedBy=sysinit.target' >/etc/systemd/system/shared-mounts.service \
 && systemctl enable shared-mounts.service
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]
