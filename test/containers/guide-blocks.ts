/** A block of commands in a document, as it stands there. */
export interface GuideBlock {
  /** The heading above it. */
  readonly section: string;
  /** What stands behind `sh` in its first line: `notrun` for what a person decides, `upgrade`, or nothing. */
  readonly tag: string;
  readonly commands: string;
}

/** Every ```sh block of a Markdown document, in order. Pure. */
export function guideBlocks(markdown: string): readonly GuideBlock[] {
  const blocks: GuideBlock[] = [];
  let section = '';
  let open: { tag: string; lines: string[] } | undefined;
  for (const line of markdown.split('\n')) {
    if (open !== undefined) {
      if (line === '```') {
        blocks.push({ section, tag: open.tag, commands: `${open.lines.join('\n')}\n` });
        open = undefined;
      } else open.lines.push(line);
      continue;
    }
    const heading = /^#{2,3} (.+)$/.exec(line)?.[1];
    if (heading !== undefined) section = heading;
    const start = /^```sh ?(\w*)$/.exec(line);
    if (start !== null) open = { tag: start[1] ?? '', lines: [] };
  }
  return blocks;
}
