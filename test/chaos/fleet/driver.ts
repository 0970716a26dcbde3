import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Site } from '../../support/fleet.ts';
import { tarMaker, type Landed, type Made } from '../landings.ts';
import { numbersFor, type Numbers } from '../numbers.ts';
import type { Fault, World } from './faults.ts';

/** A tar that was sent to a host of the site. */
export interface SentTo extends Landed {
  readonly site: string;
}

/** What has happened so far. */
export interface Course {
  /** To each site that may have it. */
  readonly sent: SentTo[];
  readonly faults: Record<string, number>;
}

export interface Driven {
  readonly seed: number;
  readonly world: World;
  readonly course: Course;
  /** Whether it goes on. */
  readonly isOn: () => boolean;
}

const MOST_BETWEEN_TARS_MS = 2500;
const MOST_BETWEEN_FAULTS_MS = 3000;
const CLIENT_TRIES_AGAIN_MS = 500;

/**
 * A phone system at one of the hosts, through its sshd. What a broken session leaves is the truth that counts: it sends again until it
 * is told that the tar is there, sometimes to the next host, as a balancer would.
 */
export async function landTars({ seed, world, course, isOn }: Driven, site: Site): Promise<void> {
  const number = numbersFor(seed, `tars of ${site.host}`);
  const maker = tarMaker(number, `${site.host}-`); // one that goes to another host takes no tar's place there
  while (isOn()) {
    const made = maker.next();
    const { tar: _, ...landed } = made;
    const sentTo = new Set<string>();
    await sendUntilThere({ ...world, number }, site, made, sentTo);
    course.sent.push(...[...sentTo].map((name) => ({ ...landed, site: name })));
    await delay(number(MOST_BETWEEN_TARS_MS));
  }
}

/** One fault after the other, each once before one comes again. */
export async function makeTrouble(
  { seed, world, course, isOn }: Driven,
  name: string,
  kinds: Readonly<Record<string, Fault>>,
): Promise<void> {
  const number = numbersFor(seed, name);
  const own: World = { ...world, number };
  let deck: (readonly [string, Fault])[] = [];
  while (isOn()) {
    await delay(number(MOST_BETWEEN_FAULTS_MS));
    if (deck.length === 0) deck = shuffled(Object.entries(kinds), number);
    const [kind, fault] = deck.pop() ?? [];
    if (kind === undefined || fault === undefined || !isOn()) continue;
    const which = await fault(own).catch((cause: unknown) => {
      throw new Error(`the driver could not carry out "${kind}"`, { cause });
    });
    const counted = which === undefined ? kind : `${kind}: ${which}`;
    course.faults[counted] = (course.faults[counted] ?? 0) + 1;
    for (const site of world.fleet.sites) await site.keepUp(); // as systemd does
  }
}

function shuffled<T>(all: readonly T[], number: Numbers): T[] {
  const rest = [...all];
  return all.map(() => rest.splice(number(rest.length), 1)[0] as T);
}

/**
 * Sends a tar until a host has said that it is there. Notes each site that it was sent to: of a session that broke, the disk alone tells
 * what came of it.
 */
async function sendUntilThere(
  { fleet, number }: World,
  first: Site,
  made: Made,
  sentTo: Set<string>,
): Promise<void> {
  const isTwice = number(12) === 0; // the client heard no answer, though all had gone well
  const isDirect = number(2) === 0; // under its final name from the first byte on
  const local = join(first.sshd.workDirectory, `landing-${first.host}`);
  await writeFile(local, made.tar);
  let site = first;
  for (let left = isTwice ? 2 : 1; left > 0;) {
    sentTo.add(site.name);
    const { exitCode } = await site.sshd.sftp(batchOf(local, made.path, isDirect), { limitKbps: 20_000 });
    if (exitCode === 0) left -= 1;
    // what a broken session has sent may arrive minutes later, and would empty a tar that was sent again since
    else await site.sshd.endSessions();
    if (exitCode === 0 || !isDirect) site = next(fleet.sites, site); // half a tar is sent again to where it is
    if (exitCode !== 0) await delay(CLIENT_TRIES_AGAIN_MS);
  }
  await rm(local);
}

function batchOf(local: string, path: string, isDirect: boolean): readonly string[] {
  const target = `/incoming/${path}`;
  return [
    ...directories(path).map((directory) => `-mkdir /incoming/${directory}`),
    ...(isDirect
      ? [`put ${local} ${target}`]
      : [`put ${local} ${target}.part`, `rename ${target}.part ${target}`]),
  ];
}

function next(sites: readonly Site[], site: Site): Site {
  return sites[(sites.indexOf(site) + 1) % sites.length] ?? site;
}

function directories(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === '.' ? [] : [...directories(parent), parent];
}
