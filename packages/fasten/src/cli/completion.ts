// SPDX-License-Identifier: Apache-2.0
import type { ArgumentSpec, Command, OptionSpec } from './command.ts'
import { commonOptions } from './parse.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** The completion script of a shell, made from the commands themselves: a new option is completed at once. */
export function completion(shell: Shell, commands: readonly Command[]): string {
  const sorted = commands.map((command) => ({ ...command, options: [...command.options, ...commonOptions] }))
  switch (shell) {
    case 'bash':
      return bash(sorted)
    case 'zsh':
      return zsh(sorted)
    case 'fish':
      return fish(sorted)
  }
}

type Described = Pick<Command, 'name' | 'summary' | 'words' | 'options'>

/** First words of the command line, groups such as `codes` once. */
function firstWords(commands: readonly Described[]): readonly string[] {
  return [...new Set([...commands.map((command) => command.name.split(' ')[0] ?? ''), 'help', 'version'])]
}

/** Second words by group. */
function groups(commands: readonly Described[]): ReadonlyMap<string, readonly Described[]> {
  const byGroup = new Map<string, Described[]>()
  for (const command of commands) {
    const [group = '', second] = command.name.split(' ')
    if (second !== undefined) byGroup.set(group, [...(byGroup.get(group) ?? []), command])
  }
  return byGroup
}

const lastWord = (command: Described): string => command.name.split(' ')[1] ?? command.name
const valuesOf = (option: OptionSpec): readonly string[] => option.choices ?? option.suggestions ?? []
const firstArgument = (command: Described): ArgumentSpec | undefined => command.words?.[0]
const flagsOf = (option: OptionSpec): readonly string[] => [
  ...(option.short === undefined ? [] : [`-${option.short}`]),
  `--${option.name}`,
]

function bash(commands: readonly Described[]): string {
  const secondWords = [...groups(commands)].map(
    ([group, members]) =>
      `    ${group}) if ((COMP_CWORD == 2)); then _fasten_words '${members.map(lastWord).join(' ')}'; return; fi\n` +
      `      command="${group} \${COMP_WORDS[2]}" ;;`,
  )
  const values = commands.flatMap((command) =>
    command.options
      .filter((option) => option.value !== undefined)
      .map((option) => {
        const patterns = flagsOf(option).map((flag) => `'${command.name} ${flag}'`)
        const list = valuesOf(option)
        const action = option.isFile
          ? 'compopt -o default'
          : list.length > 0
            ? `_fasten_words '${list.join(' ')}'`
            : ':'
        return `    ${patterns.join('|')}) ${action}; return ;;`
      }),
  )
  const words = commands.map((command) => {
    const argument = firstArgument(command)
    const rest = argument?.choices
      ? `_fasten_words '${argument.choices.join(' ')}'`
      : argument?.isFile
        ? 'compopt -o default'
        : ':'
    const flags = command.options.flatMap((option) => flagsOf(option).slice(-1))
    return `    '${command.name}') if [[ $cur == -* ]]; then _fasten_words '${flags.join(' ')}'; else ${rest}; fi ;;`
  })
  return `# bash completion of fasten. To install: fasten completion bash > ~/.local/share/bash-completion/completions/fasten
_fasten_words() { local IFS=$' \\n'; COMPREPLY=($(compgen -W "$1" -- "$cur")); }
_fasten() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}"
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then _fasten_words '${firstWords(commands).join(' ')} --help --version'; return; fi
  # --option=value arrives as three words.
  if [[ $cur == '=' ]]; then cur=''; elif [[ $prev == '=' ]]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  case "$command" in
    help) _fasten_words '${firstWords(commands).join(' ')}'; return ;;
${secondWords.join('\n')}
  esac
  case "$command $prev" in
${values.join('\n')}
  esac
  case "$command" in
${words.join('\n')}
  esac
}
complete -F _fasten fasten
`
}

function zsh(commands: readonly Described[]): string {
  const quote = (text: string): string => text.replaceAll("'", `'\\''`)
  const bracketed = (text: string): string => quote(text.replace(/[[\]\\]/g, '\\$&'))
  const described = (name: string, summary: string): string =>
    `'${quote(name.replaceAll(':', '\\:'))}:${quote(summary)}'`
  const action = (spec: { readonly isFile?: boolean }, values: readonly string[]): string =>
    spec.isFile ? '_files' : values.length > 0 ? `(${values.join(' ')})` : ''
  const option = (spec: OptionSpec): string => {
    const flags = flagsOf(spec)
    const value =
      spec.value === undefined ? '' : `:${spec.value.replace(/[<>]/g, '')}:${action(spec, valuesOf(spec))}`
    const body = `[${bracketed(spec.summary)}]${value}`
    const repeat = spec.isRepeatable === true ? '*' : ''
    if (flags.length === 1 || repeat !== '') return flags.map((flag) => `'${repeat}${flag}${body}'`).join(' ')
    return `'(${flags.join(' ')})'{${flags.join(',')}}'${body}'`
  }
  const argument = (spec: ArgumentSpec): string =>
    `'${spec.isRepeatable ? '*' : ''}:${spec.name}:${action(spec, spec.choices ?? [])}'`
  const cases = commands.map((command) => {
    const specs = [...command.options.map(option), ...(command.words ?? []).map(argument)]
    return `    '${command.name}')\n      _arguments -s \\\n        ${specs.join(' \\\n        ')} ;;`
  })
  const secondWords = [...groups(commands)].map(
    ([group, members]) =>
      `    ${group})\n      if (( CURRENT == 3 )); then\n        names=(${members
        .map((member) => described(lastWord(member), member.summary))
        .join(
          ' ',
        )})\n        _describe command names; return\n      fi\n      command="${group} $words[3]"; shift words; (( CURRENT-- )) ;;`,
  )
  const first = [
    ...commands
      .filter((command) => !command.name.includes(' '))
      .map((command) => described(command.name, command.summary)),
    ...[...groups(commands)].map(([group, members]) => described(group, members.map(lastWord).join(', '))),
    described('help', 'options and examples of a command'),
    described('version', 'print the version'),
  ]
  return `#compdef fasten
# zsh completion of fasten. To install: fasten completion zsh > "\${fpath[1]}/_fasten"
_fasten() {
  local -a names
  local command="$words[2]"
  if (( CURRENT == 2 )); then
    names=(
      ${first.join('\n      ')}
    )
    _describe command names; return
  fi
  case "$command" in
    help)
      names=(${firstWords(commands).join(' ')}); _describe command names; return ;;
${secondWords.join('\n')}
  esac
  shift words; (( CURRENT-- ))
  case "$command" in
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == _fasten ]]; then _fasten "$@"; else compdef _fasten fasten; fi
`
}

function fish(commands: readonly Described[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const line = (...parts: readonly string[]): string =>
    ['complete -c fasten', ...parts.filter((part) => part !== '')].join(' ')
  const first = [
    ...commands
      .filter((command) => !command.name.includes(' '))
      .map((command) => line('-n __fasten_is', `-a ${command.name}`, `-d ${quote(command.summary)}`)),
    ...[...groups(commands)].flatMap(([group, members]) => [
      line('-n __fasten_is', `-a ${group}`, `-d ${quote(members.map(lastWord).join(', '))}`),
      ...members.map((member) =>
        line(`-n '__fasten_is ${group}'`, `-a ${lastWord(member)}`, `-d ${quote(member.summary)}`),
      ),
    ]),
    line('-n __fasten_is', '-a help', "-d 'options and examples of a command'"),
    line('-n __fasten_is', '-a version', "-d 'print the version'"),
    line("-n '__fasten_is help'", `-a ${quote(firstWords(commands).join(' '))}`),
  ]
  const rest = commands.flatMap((command) => {
    const condition = `-n '__fasten_in ${command.name}'`
    const argument = firstArgument(command)
    return [
      ...(argument?.choices ? [line(condition, `-a ${quote(argument.choices.join(' '))}`)] : []),
      ...(argument?.isFile ? [line(condition, '-F')] : []),
      ...command.options.map((option) => {
        const values = valuesOf(option)
        const takes = option.value === undefined ? '' : option.isFile ? '-r -F' : '-x'
        return line(
          condition,
          option.short === undefined ? '' : `-s ${option.short}`,
          `-l ${option.name}`,
          takes,
          values.length > 0 ? `-a ${quote(values.join(' '))}` : '',
          `-d ${quote(option.summary)}`,
        )
      }),
    ]
  })
  return `# fish completion of fasten. To install: fasten completion fish > ~/.config/fish/completions/fasten.fish
# True when the words before the cursor are exactly these.
function __fasten_is
    set -l typed (commandline -opc)
    test "$typed[2..-1]" = "$argv"
end
# True when the command line begins with these.
function __fasten_in
    set -l typed (commandline -opc)
    set -l last (math (count $argv) + 1)
    test (count $typed) -ge $last; and test "$typed[2..$last]" = "$argv"
end
complete -c fasten -f
${first.join('\n')}
${rest.join('\n')}
`
}
