import type { Command, Option } from 'commander';

export type Shell = 'bash' | 'zsh' | 'fish';

/**
 * The completion script of a shell: commands, their options, and what an option takes.
 * @param program the command line as it is laid out; hidden commands are left out
 */
export function completionScript(shell: Shell, program: Command): string {
  const verbs = program.createHelp().visibleCommands(program).map(toVerb);
  return SCRIPTS[shell](verbs);
}

/** A command as it is completed. */
interface Verb {
  readonly name: string;
  readonly description: string;
  readonly options: readonly Flag[];
}

interface Flag {
  /** With its dashes. */
  readonly flag: string;
  readonly description: string;
  /** What it takes: one of some words, a path, anything, or nothing. */
  readonly takes: readonly string[] | 'path' | 'text' | null;
}

function toVerb(command: Command): Verb {
  return {
    name: command.name(),
    description: command.summary() || command.description(),
    options: command.options.flatMap((option) =>
      option.long == null || option.hidden ? [] : [toFlag(option, option.long)],
    ),
  };
}

function toFlag(option: Option, flag: string): Flag {
  const description = option.description.replace(/ \(default .*\)$/, '');
  if (!option.required) return { flag, description, takes: null };
  const [, placeholder = ''] = /<(.*)>/.exec(option.flags) ?? [];
  const choices = option.argChoices ?? (placeholder.includes('|') ? placeholder.split('|') : null);
  // Quotes to choose from could not be written alike in three shells.
  const words = choices?.every((word) => /^\w[\w-]*$/.test(word)) === true ? choices : null;
  return { flag, description, takes: words ?? (/^(?:DIR|FILE|dir)$/.test(placeholder) ? 'path' : 'text') };
}

const SCRIPTS: Readonly<Record<Shell, (verbs: readonly Verb[]) => string>> = { bash, zsh, fish };

/** In single quotes, in which all three shells take a text as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '’')}'`;
}

function bash(verbs: readonly Verb[]): string {
  const flags = new Map(verbs.flatMap(({ options }) => options.map((option) => [option.flag, option])));
  const values = [...flags.values()].flatMap(({ flag, takes }) => {
    if (takes === null) return [];
    if (takes === 'path') return [`    ${flag}) COMPREPLY=($(compgen -f -- "$word")); return ;;`];
    if (takes === 'text') return [`    ${flag}) return ;;`];
    return [`    ${flag}) COMPREPLY=($(compgen -W ${quoted(takes.join(' '))} -- "$word")); return ;;`];
  });
  const options = verbs.map(
    ({ name, options: own }) => `    ${name}) options=${quoted(own.map(({ flag }) => flag).join(' '))} ;;`,
  );
  return `# landfall: completion for bash. To have it in every shell, add to ~/.bashrc:
#   source <(landfall completion bash)
_landfall() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} options=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted(verbs.map(({ name }) => name).join(' '))} -- "$word"))
    return
  fi
  case $before in
${values.join('\n')}
  esac
  case \${COMP_WORDS[1]} in
${options.join('\n')}
  esac
  if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$word"))
  else COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -o filenames -F _landfall landfall
`;
}

function zsh(verbs: readonly Verb[]): string {
  const escape = (text: string): string => text.replaceAll(/[[\]:]/g, (char) => `\\${char}`);
  const argument = ({ flag, description, takes }: Flag): string => {
    const what = takes === null ? '' : takes === 'path' ? ':path:_files' : takes === 'text' ? ':value: ' : `:value:(${takes.join(' ')})`; // prettier-ignore
    return `      '*${flag}[${escape(description).replaceAll("'", '’')}]${what}'`;
  };
  const cases = verbs.map(
    ({
      name,
      options,
    }) => `    ${name}) _arguments ${['\\', ...options.map((option) => `${argument(option)} \\`)].join('\n')}
      '*:file:_files' ;;`,
  );
  return `#compdef landfall
# landfall: completion for zsh. To have it in every shell, add to ~/.zshrc, below compinit:
#   source <(landfall completion zsh)
_landfall() {
  local -a verbs=(
${verbs.map(({ name, description }) => `    ${quoted(`${name}:${escape(description)}`)}`).join('\n')}
  )
  if (( CURRENT == 2 )); then _describe command verbs; return; fi
  local verb=$words[2]
  shift words; (( CURRENT-- ))
  case $verb in
${cases.join('\n')}
  esac
}
compdef _landfall landfall
`;
}

function fish(verbs: readonly Verb[]): string {
  const names = verbs.map(({ name }) => name).join(' ');
  const lines = verbs.flatMap(({ name, description, options }) => [
    `complete -c landfall -n 'not __fish_seen_subcommand_from ${names}' -f -a ${name} -d ${quoted(description)}`,
    ...options.map(({ flag, description: what, takes }) => {
      const value = takes === null ? '' : takes === 'path' ? ' -r -F' : takes === 'text' ? ' -x' : ` -x -a ${quoted(takes.join(' '))}`; // prettier-ignore
      return `complete -c landfall -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}${value} -d ${quoted(what)}`;
    }),
  ]);
  return `# landfall: completion for fish. To have it in every shell:
#   landfall completion fish > ~/.config/fish/completions/landfall.fish
${lines.join('\n')}
`;
}
