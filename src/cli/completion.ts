import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** The words that may follow the words of a command: its commands and options. */
interface Words {
  /** The command's own words behind `wavspool`; empty for none. */
  readonly path: string;
  readonly words: readonly string[];
}

/** Every command of the tree with what may follow it. */
function wordsOf(command: Command, path: readonly string[] = []): readonly Words[] {
  const options = command.options.flatMap(({ long }) => long ?? []);
  const commands = command.commands.map((sub) => sub.name());
  const own = { path: path.join(' '), words: [...commands, ...options, '--help'] };
  return [own, ...command.commands.flatMap((sub) => wordsOf(sub, [...path, sub.name()]))];
}

/** A shell's completion of the whole command line, out of the same commands and options that `--help` prints. Pure. */
export function completionFor(shell: (typeof SHELLS)[number], program: Command): string {
  const all = wordsOf(program);
  if (shell === 'fish') return `${all.map(fishLine).join('\n')}\n`;
  const cases = all.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n');
  const bash = BASH.replace('CASES', cases);
  return shell === 'bash' ? bash : `#compdef wavspool\nautoload -Uz bashcompinit && bashcompinit\n${bash}`;
}

/** The longest run of words that names a command decides; behind it a path is completed where nothing else fits. */
const BASH = `_wavspool() {
  local path='' words='' word before=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* || $before == --config ]] || path="\${path:+$path }$word"
    before=$word
  done
  while :; do
    case $path in
CASES
    esac
    [[ -z $words && $path == *' '* ]] || break
    path=\${path% *}
  done
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _wavspool wavspool
`;

function fishLine({ path, words }: Words): string {
  const names = path.split(' ').filter((name) => name !== '');
  const condition =
    names.length === 0
      ? '__fish_use_subcommand'
      : names.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
  return `complete -c wavspool -n '${condition}' -a '${words.join(' ')}'`;
}
