import { existsSync } from 'node:fs';

/** What `docker run` needs for a container that systemd boots; the control groups of version 1 have to be the host's. */
export function bootsSystemd(): readonly string[] {
  const groups = existsSync('/sys/fs/cgroup/cgroup.controllers')
    ? ['--cgroupns=private']
    : ['--cgroupns=host', '-v', '/sys/fs/cgroup:/sys/fs/cgroup:rw'];
  const rights = ['--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined'];
  return [...groups, ...rights, '--tmpfs', '/run', '--tmpfs', '/run/lock'];
}
