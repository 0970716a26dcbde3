import { readFile } from 'node:fs/promises';
import type { Uptime } from './record.ts';

/** The time since the host was started, sleep included. It goes on evenly, whatever the clock is set to. */
export async function uptimeNow(): Promise<Uptime> {
  const [bootId, uptime] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readFile('/proc/uptime', 'utf8'),
  ]);
  return { bootId: bootId.trim(), uptimeMs: Math.round(Number.parseFloat(uptime) * 1000) };
}
