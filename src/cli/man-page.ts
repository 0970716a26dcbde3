import type { Command, Option } from 'commander';
import { HELP, exitsOf } from './help.ts';

/** What the page says of itself. */
export interface ManPageOf {
  readonly version: string;
  /** When this version was made: `2026-11-29`. */
  readonly date: string;
}

/** The man page of the whole command line, out of what `--help` prints. Pure. */
export function manPage(program: Command, { version, date }: ManPageOf): string {
  return `${[
    `.TH WAVSPOOL 1 ${quoted(date)} ${quoted(`wavspool ${version}`)} "User Commands"`,
    '.SH NAME',
    `wavspool \\- ${escaped(lowered(program.description()))}`,
    '.SH SYNOPSIS',
    '.B wavspool',
    '[\\fB\\-\\-config\\fR \\fIfile\\fR] [\\fB\\-\\-json\\fR] \\fIcommand\\fR [\\fIargument\\fR ...]',
    '.SH OPTIONS',
    'Every command takes these, before its name or behind it.',
    ...program.options.flatMap(optionLines),
    '.SH COMMANDS',
    ...leaves(program, []).flatMap(([name, command]) => commandLines(name, command, program)),
    '.SH "EXIT STATUS"',
    '0 is done, 1 is done and something is wrong, 2 is usage or settings, 3 is a service that it needs and that is not there, 130 is interrupted.',
    'What each means for a command stands with it.',
    '.SH FILES',
    '.TP',
    '.I ./wavspool.yaml, /etc/wavspool/wavspool.yaml',
    'The settings, where neither \\fB\\-\\-config\\fR nor \\fBWAVSPOOL_CONFIG\\fR names another file.',
    '.SH ENVIRONMENT',
    '.TP',
    '.B WAVSPOOL_CONFIG',
    'The settings file.',
    '.TP',
    '.B S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, WAVSPOOL_TOKEN',
    "The store's credentials and the console's token, where the settings name no others.",
    'What \\fINAME\\fB_FILE\\fR names is read where \\fINAME\\fR is not set.',
  ].join('\n')}\n`;
}

/** Every command that does something, by its words. */
function leaves(command: Command, words: readonly string[]): readonly (readonly [string, Command])[] {
  if (command.commands.length === 0) return [[words.join(' '), command]];
  return command.commands.flatMap((sub) => leaves(sub, [...words, sub.name()]));
}

function commandLines(name: string, command: Command, program: Command): readonly string[] {
  const general = new Set(program.options.map(({ flags }) => flags));
  const own = command.options.filter(({ flags }) => !general.has(flags));
  const args = command.registeredArguments.map((arg) => {
    const word = `\\fI${escaped(arg.name())}\\fR${arg.variadic ? ' ...' : ''}`;
    return arg.required ? word : `[${word}]`;
  });
  const help = HELP[name];
  const examples = help?.examples ?? [];
  return [
    `.SS ${quoted(`wavspool ${name}`)}`,
    '.PP',
    [
      '\\fBwavspool ',
      escaped(name),
      '\\fR',
      ...(own.length > 0 ? [' [\\fIoption\\fR ...]'] : []),
      ...args.map((arg) => ` ${arg}`),
    ].join(''),
    '.PP',
    sentence(command.description()),
    ...own.flatMap(optionLines),
    ...(examples.length === 0 ? [] : ['.PP', 'Examples:']),
    ...examples.flatMap(([line, what]) => [
      '.PP',
      '.RS 4',
      '.nf',
      text(line),
      '.fi',
      ...(what === '' ? [] : [text(what)]),
      '.RE',
    ]),
    ...(help === undefined
      ? []
      : [
          '.PP',
          'Exit codes:',
          ...exitsOf(help).flatMap(([code, meaning]) => ['.TP', String(code), text(meaning)]),
        ]),
  ];
}

function optionLines({ flags, description }: Option): readonly string[] {
  return ['.TP', `\\fB${escaped(flags)}\\fR`, sentence(description)];
}

function sentence(words: string): string {
  return text(`${words.slice(0, 1).toUpperCase()}${words.slice(1)}${words.endsWith('.') ? '' : '.'}`);
}

function lowered(words: string): string {
  return `${words.slice(0, 1).toLowerCase()}${words.slice(1)}`;
}

/** A line of text: one that begins with a dot or an apostrophe would be a request. */
function text(line: string): string {
  return `${/^[.']/.test(line) ? '\\&' : ''}${escaped(line)}`;
}

function quoted(words: string): string {
  return `"${escaped(words).replaceAll('"', '\\(dq')}"`;
}

/** What roff reads as its own, as what it is. */
function escaped(words: string): string {
  return words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll(
      /\P{ASCII}/gu,
      (sign) => `\\[u${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
    );
}
