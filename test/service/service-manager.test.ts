import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { giveSigns } from '../../src/process/tell-service-manager.ts';
import { serviceManager, systemClock } from '../../src/platform/runtime/index.ts';
import { until } from '../support/ports.ts';

// What systemd is told, over a socket as its own: datagrams, which Node cannot receive, so python3 does.

const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    data, fds, _, _ = socket.recv_fds(s, 4096, 4)
    for fd in fds: socket.close(fd)
    print(data.decode().replace('\\n', ' '), flush=True)
`;

interface Manager extends AsyncDisposable {
  readonly socket: string;
  readonly heard: string[];
}

async function listen(): Promise<Manager> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-notify-'));
  const socket = join(directory, 'notify');
  const child: ChildProcess = spawn('python3', ['-c', RECEIVER, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const heard: string[] = [];
  child.stdout?.on('data', (text) => heard.push(...String(text).trim().split('\n')));
  await until('it listens', () => Promise.resolve(heard.includes('bound')));
  return {
    socket,
    heard,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
      await rm(directory, { recursive: true });
    },
  };
}

test('it hears what it is told, and signs of life only while the process is alive', async () => {
  await using systemd = await listen();
  const manager = serviceManager(process.pid, { NOTIFY_SOCKET: systemd.socket, WATCHDOG_USEC: '150000' });
  await manager?.tell('READY=1', 'STATUS=at work');
  await until('ready', () => Promise.resolve(systemd.heard.some((line) => line.includes('READY=1'))));
  expect(systemd.heard.some((line) => line.includes('STATUS=at work'))).toBe(true);

  let asked = 0;
  const stopped = new AbortController();
  const isAlive = (): boolean => {
    asked += 1;
    if (asked === 6) stopped.abort();
    return asked <= 2;
  };
  const failures: unknown[] = [];
  const deps = { clock: systemClock, report: (...said: readonly unknown[]) => void failures.push(said) };
  await giveSigns(manager, isAlive, deps, stopped.signal);
  await until('two signs', () =>
    Promise.resolve(systemd.heard.filter((line) => line.includes('WATCHDOG=1')).length === 2),
  );
  expect(failures).toEqual([]);
});

test('without a service manager none is told, and one that is gone is reported', async () => {
  expect(serviceManager(1, {})).toBeUndefined();
  expect(
    serviceManager(1, { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '6000000', WATCHDOG_PID: '2' })?.signEveryMs,
  ).toBeUndefined();
  await expect(serviceManager(1, { NOTIFY_SOCKET: '/nowhere/notify' })?.tell('READY=1')).rejects.toThrow();
});
