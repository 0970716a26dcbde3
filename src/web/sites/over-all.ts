import { FAULTS, WavspoolError } from '../../domain/faults.ts';
import { cursorOf, readCursor } from '../../platform/paging/index.ts';
import type { SiteQuestion } from '../../operate/sites/index.ts';
import type { Reached, Unasked } from './asked-site.ts';
import { mergePages, type Before, type Places, type Row, type SitePage } from './merge.ts';

/** Every site, and how each is asked. */
interface EverySite {
  readonly sites: readonly string[];
  readonly ask: (site: string, question: SiteQuestion) => Promise<unknown>;
  readonly reached: Reached;
}

const newest: Before = (a, b) => textOf(a, 'timestamp') > textOf(b, 'timestamp');
const latest: Before = (a, b) => textOf(a, 'at') > textOf(b, 'at');
const byPath: Before = (a, b) => textOf(a, 'path') < textOf(b, 'path');

function textOf(row: Row, name: string): string {
  const value = row[name];
  return typeof value === 'string' ? value : '';
}

/** The lists that have pages, and their order. */
const PAGED: Readonly<Record<string, (query: URLSearchParams) => Before>> = {
  '/api/uploads': () => newest,
  '/api/tars': (query) =>
    ['state', 'search', 'from', 'to'].some((name) => query.has(name)) ? newest : byPath,
  '/api/landing': () => byPath,
  '/api/events': () => latest,
};

/** Lists that each site gives as a whole. */
const WHOLE: Readonly<Record<string, readonly string[]>> = {
  '/api/failures': ['rows'],
  '/api/find': ['recordings', 'tars'],
};

const MOST = 1000;
const PAGE = 100;

/** What the console and programs are told of all sites at once. Throws USAGE for what is asked of one site only. */
export async function overAll(every: EverySite, question: SiteQuestion): Promise<object> {
  const [path = '', text = ''] = question.path.split('?');
  const query = new URLSearchParams(text);
  if (question.method === 'GET') {
    const order = PAGED[path];
    if (order !== undefined) return onePage(every, path, query, order(query));
    const lists = WHOLE[path];
    if (lists !== undefined) return together(every, question, lists);
    if (path === '/api/rates') return summedRates(every, question);
    if (path === '/api/status' || path === '/api/audit') return eachOf(every, question);
  } else if (path === '/api/uploads/requeue') return eachOf(every, question);
  throw new WavspoolError('USAGE', `${question.method} ${path} is asked of one site: name it with ?site=`);
}

async function onePage(
  every: EverySite,
  path: string,
  query: URLSearchParams,
  isBefore: Before,
): Promise<object> {
  const limit = limitOf(query.get('limit'));
  const after = query.get('after');
  const places = after === null ? {} : readCursor(after, isPlaces);
  query.delete('after');
  const unasked = new Map<string, Unasked>();
  const told = new Map<string, object>();
  const {
    rows,
    places: next,
    total,
  } = await mergePages(
    every.sites,
    places,
    limit,
    async (site, from, many) => {
      const asked = new URLSearchParams(query);
      asked.set('limit', String(many));
      if (from !== undefined) asked.set('after', from);
      const answer = await every.reached.try(site, () =>
        every.ask(site, { method: 'GET', path: `${path}?${asked.toString()}` }),
      );
      if ('unasked' in answer) return void unasked.set(site, answer.unasked);
      const page = answer.value as SitePage & { readonly unasked?: readonly string[] };
      if (page.unasked !== undefined) told.set(site, { site, ...omitRows(page) });
      return page;
    },
    isBefore,
  );
  const isMore = every.sites.some((site) => !unasked.has(site) && next[site] !== null);
  return {
    rows,
    next: isMore ? cursorOf(next) : null,
    ...(total !== undefined && { total }),
    unasked: every.sites.flatMap((site) => unasked.get(site) ?? told.get(site) ?? []),
  };
}

/** What a site says beside its rows, such as figures of what it cannot list. */
function omitRows({ rows: _rows, next: _next, ...rest }: SitePage): object {
  return rest;
}

async function answersOf(
  every: EverySite,
  question: SiteQuestion,
): Promise<readonly ({ readonly site: string; readonly value: object } | { readonly unasked: Unasked })[]> {
  return Promise.all(
    every.sites.map(async (site) => {
      const answer = await every.reached.try(site, () => every.ask(site, question));
      return 'unasked' in answer ? answer : { site, value: answer.value as object };
    }),
  );
}

async function eachOf(every: EverySite, question: SiteQuestion): Promise<object> {
  const answers = await answersOf(every, question);
  refuseWordOfNone(answers);
  return { sites: answers.map((one) => ('unasked' in one ? one.unasked : { site: one.site, ...one.value })) };
}

async function together(every: EverySite, question: SiteQuestion, lists: readonly string[]): Promise<object> {
  const answers = await answersOf(every, question);
  refuseWordOfNone(answers);
  const rowsOf = (list: string): readonly object[] =>
    answers.flatMap((one) => {
      if ('unasked' in one) return [];
      const rows = (one.value as Readonly<Record<string, readonly object[]>>)[list] ?? [];
      return rows.map((row) => ({ site: one.site, ...row }));
    });
  return { ...Object.fromEntries(lists.map((list) => [list, rowsOf(list)])), unasked: unaskedOf(answers) };
}

interface Rate {
  readonly id: string;
  readonly from: string;
  readonly uploaded: number;
  readonly failed: number;
}

async function summedRates(every: EverySite, question: SiteQuestion): Promise<object> {
  const answers = await answersOf(every, question);
  const sums = new Map<string, Rate>();
  for (const one of answers) {
    if ('unasked' in one) continue;
    for (const rate of (one.value as { rows: readonly Rate[] }).rows) {
      const { uploaded = 0, failed = 0 } = sums.get(rate.from) ?? {};
      sums.set(rate.from, { ...rate, uploaded: uploaded + rate.uploaded, failed: failed + rate.failed });
    }
  }
  const rows = [...sums.values()].toSorted((a, b) => (a.from < b.from ? -1 : 1));
  return { rows, next: null, unasked: unaskedOf(answers) };
}

type Answers = Awaited<ReturnType<typeof answersOf>>;

function unaskedOf(answers: Answers): readonly Unasked[] {
  return answers.flatMap((one) => ('unasked' in one ? [one.unasked] : []));
}

/** A word that fits in no site is the asker's fault; one that fits in some is not. */
function refuseWordOfNone(answers: Answers): void {
  const [first, ...others] = unaskedOf(answers);
  if (first === undefined || others.length + 1 < answers.length) return;
  if ([first, ...others].every(({ code }) => FAULTS[code].exit === 2))
    throw new WavspoolError('USAGE', first.error);
}

function limitOf(text: string | null): number {
  const limit = text === null ? PAGE : Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST) return limit;
  throw new WavspoolError('USAGE', `limit: a whole number from 1 to ${MOST}`);
}

function isPlaces(value: unknown): value is Places {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((place) => place === null || typeof place === 'string')
  );
}
