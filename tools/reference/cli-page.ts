// SPDX-License-Identifier: Apache-2.0
import { commandTable } from '../../packages/fasten/src/cli/command-table.ts'
import type { ArgumentSpec, Command, OptionSpec } from '../../packages/fasten/src/cli/command.ts'
import { exitCodes } from '../../packages/fasten/src/cli/exit-codes.ts'
import type { Tree } from '../tidy/tree.ts'
import { code, page, table } from './page.ts'

export async function cliPage(tree: Tree): Promise<string> {
  const commands = await Promise.all(Object.values(commandTable).map((load) => load()))
  const summaries = commands.map((command) => [
    `[${code(`fasten ${command.name}`)}](#${anchor(command)})`,
    command.summary,
  ])
  return page('The fasten command', '[packages/fasten/src/cli](../../packages/fasten/src/cli)', [
    'Every command reads a database file, a DSN or the URL of a mounted reader alike. Run it as `npx fasten`.',
    table(['Command', 'What it does'], summaries),
    '## Exit codes',
    table(['Code', 'Meaning'], exitRows(tree)),
    ...commands.flatMap(section),
  ])
}

const anchor = (command: Command): string => `fasten-${command.name.replaceAll(' ', '-')}`

function section(command: Command): string[] {
  const usage = ['fasten', command.name, ...(command.words ?? []).map(word), '[options]'].join(' ')
  const args = (command.words ?? []).map((arg) => [code(word(arg)), arg.summary])
  const blocks = [
    `## fasten ${command.name}`,
    `\`\`\`\n${usage}\n\`\`\``,
    command.description ?? sentence(command.summary),
  ]
  if (args.length > 0) blocks.push(table(['Argument', 'Meaning'], args))
  if (command.options.length > 0) blocks.push(table(['Option', 'Meaning'], command.options.map(option)))
  if (command.examples !== undefined && command.examples.length > 0)
    blocks.push(
      table(
        ['Example', 'Answers'],
        command.examples.map(([line, meaning]) => [code(line), meaning]),
      ),
    )
  return blocks
}

function word({ name, isRequired, isRepeatable }: ArgumentSpec): string {
  const shown = isRepeatable === true ? `${name}…` : name
  return isRequired === true ? `<${shown}>` : `[${shown}]`
}

function option({ name, short, value, summary, choices, range, isRepeatable }: OptionSpec): string[] {
  const flags = [
    short === undefined ? '' : `-${short}, `,
    `--${name}`,
    value === undefined ? '' : ` ${value}`,
  ].join('')
  const limits = [
    choices === undefined ? '' : ` One of ${choices.map(code).join(', ')}.`,
    range === undefined || range[1] === Number.MAX_SAFE_INTEGER ? '' : ` ${range[0]} to ${range[1]}.`,
    isRepeatable === true && !summary.includes('repeatable') ? ' Repeatable.' : '',
  ].join('')
  return [code(flags), `${summary}${limits === '' ? '' : `.${limits}`}`]
}

/** Codes with the comment that stands above each in exit-codes.ts. */
function exitRows(tree: Tree): string[][] {
  const source = tree.get('packages/fasten/src/cli/exit-codes.ts') ?? ''
  return Object.entries(exitCodes).map(([name, number]) => {
    const comment = new RegExp(`/\\*\\*([^*]*)\\*/\\s*${name}:`)
      .exec(source)?.[1]
      ?.replace(/\s+/g, ' ')
      .trim()
    return [code(String(number)), comment ?? name]
  })
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
