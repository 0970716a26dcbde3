import { statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { AbstractConnector } from 'ioredis';
import { WavspoolError } from '../faults.ts';
import { connectUnix, failedSocket } from '../runtime/index.ts';

type Connector = new (options: unknown) => AbstractConnector;

/**
 * How ioredis reaches a Redis on a unix socket, also on one whose path is longer than the kernel takes. With `isOurs`, only where
 * nobody else can have put that socket: then the jobs of a stranger's Redis would be taken.
 */
export function unixConnector(path: string, isOurs: boolean): Connector {
  return class extends AbstractConnector {
    constructor(options: unknown) {
      super((options as { disconnectTimeout?: number }).disconnectTimeout ?? 0);
    }

    connect(): Promise<Socket> {
      const strange = isOurs ? strangeDirectory(dirname(path)) : undefined;
      const socket = strange === undefined ? connectUnix(path) : failedSocket(strange);
      this.connecting = true;
      this.stream = socket;
      socket.once('error', (error) => {
        this.firstError = error;
      });
      return Promise.resolve(socket);
    }
  };
}

/**
 * Why a directory may hold what somebody else has put there; undefined when it is ours alone, or not there. Root looks into the
 * directories of the user that wavspool runs as.
 */
export function strangeDirectory(directory: string): WavspoolError | undefined {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  const us = process.geteuid?.();
  const problem = !found.isDirectory()
    ? 'is no directory'
    : us !== 0 && found.uid !== us && found.uid !== 0
      ? `belongs to another user (uid ${found.uid})`
      : (found.mode & 0o022) !== 0
        ? `may be written by others (mode ${(found.mode & 0o777).toString(8)})`
        : undefined;
  if (problem === undefined) return undefined;
  return new WavspoolError('REDIS_UNREACHABLE', `${directory} ${problem}: no Redis in it is trusted`);
}
