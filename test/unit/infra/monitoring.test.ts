import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

// The rules and the dashboard speak of metrics and problems by name; these are the names that exist.

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const { groups } = parse(readFileSync('infra/monitoring/wavspool.rules.yml', 'utf8')) as {
  groups: { rules: Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const dashboard = readFileSync('infra/monitoring/grafana-dashboard.json', 'utf8');

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

/** What stands before the first `${` of every id that a problem is given in the sources. */
function problemKinds(): readonly string[] {
  const files = globSync('src/operate/{health,role-health}/*.ts');
  const ids = files.flatMap((file) => [
    ...readFileSync(file, 'utf8').matchAll(/\bid: (?:code === \S+ \? '([a-z-]+)' : )?['`]([^'`]+)['`]/g),
  ]);
  return [...new Set(ids.flatMap(([, first, id = '']) => [...(first === undefined ? [] : [first]), id]))];
}

/** An id as it may be when it is told. */
function example(id: string): string {
  return id.replaceAll(/\$\{[^}]*\}/g, 'x');
}

function matcherOf({ expr }: Rule): RegExp | undefined {
  const ids = /^wavspool_problem\{id=~"([^"]+)"\} == 1$/.exec(expr)?.[1];
  return ids === undefined ? undefined : new RegExp(`^(?:${ids})$`);
}

test('P11: every kind of problem has exactly one alert of its own', () => {
  const kinds = problemKinds().map(example);
  expect(kinds.length).toBeGreaterThan(18);
  for (const kind of kinds) {
    const alerts = rules.filter((rule) => matcherOf(rule)?.test(kind) === true).map(({ alert }) => alert);
    expect([kind, alerts]).toEqual([kind, [expect.stringMatching(/^Wavspool[A-Z]/)]]);
  }
});

test('a problem that no alert knows has the one for all others', () => {
  const others = rules.find(({ alert }) => alert === 'WavspoolOtherProblem')?.expr ?? '';
  const known = rules.flatMap((rule) => matcherOf(rule)?.source.slice(4, -2) ?? []);
  expect(others).toBe(`wavspool_problem{id!~"${known.join('|')}"} == 1`);
});

test('every alert says how bad it is, what it means and what to do', () => {
  for (const { labels, annotations } of rules) {
    expect(labels.severity).toMatch(/^(critical|warning|info)$/);
    for (const text of [annotations.summary, annotations.description])
      expect(text.length).toBeGreaterThan(10);
  }
});

test('every metric of the rules and of the dashboard exists', () => {
  const source = readFileSync('src/operate/metrics/prometheus.ts', 'utf8');
  const events = readFileSync('src/domain/events.ts', 'utf8');
  const named = new Set(
    [...`${dashboard}${rules.map(({ expr }) => expr).join(' ')}`.matchAll(/wavspool_(\w+)/g)].map(
      ([, name = '']) => name,
    ),
  );
  expect(named.size).toBeGreaterThan(15);
  for (const name of named) {
    const counted = /^(.+)_total$/.exec(name)?.[1]?.replaceAll('_', ' ');
    const landing = /^landing_(\w+)$/.exec(name)?.[1];
    const exists =
      counted === undefined ? source.includes(`'${landing ?? name}'`) : events.includes(`'${counted}':`);
    expect([name, exists]).toEqual([name, true]);
  }
});

test('the dashboard asks the chosen source about the chosen sites', () => {
  const { panels } = JSON.parse(dashboard) as Dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const { targets } of panels) for (const { expr } of targets) expect(expr).toContain('site=~"$site"');
});

test('a curve of the dashboard has its site in its name, and no label that Prometheus gives to its own use', () => {
  const { panels } = JSON.parse(dashboard) as Dashboard;
  const names = panels.flatMap(({ targets }) => targets.map(({ legendFormat }) => legendFormat));
  for (const name of names) {
    expect(name).toContain('{{site}}');
    expect(name).not.toMatch(/\{\{(?:job|instance)\}\}/); // the job of the scrape: ours comes as exported_job
  }
});
