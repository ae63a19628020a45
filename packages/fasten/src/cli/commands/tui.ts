// SPDX-License-Identifier: Apache-2.0
import { hideSecrets } from '../../store/dsn.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import type { ShowScreen } from '../screen.ts'
import { trustOptions } from '../trust-options.ts'
import { targetOf, targetOptions, type Target } from '../target.ts'
import { patient, trustFor } from './verify.ts'

export const name = 'tui'
export const summary = 'look into the three streams, live, in this terminal'
export const description =
  'Three panes on one cursor: Tab rotates, Space pauses, / filters, Enter shows a row, t its thread, w its waterfall, v verifies, e ' +
  'goes to the next error, ? lists the rest. The program is a package of its own, fasten-tui.'
export const words = [{ name: 'target', summary: 'the same as --store', isFile: true }]
export const isLive = true

export const options: readonly OptionSpec[] = [
  {
    name: 'filter',
    short: 'f',
    value: '<text>',
    summary: 'query text to begin with: actor:alice since:-1h refund',
  },
  ...trustOptions,
  ...targetOptions,
]

export const examples = [
  ['fasten tui', 'what happens in ./fasten.db or FASTEN_AUDIT_DSN'],
  ['fasten tui --url https://host/api/v1/logs', 'on a running service'],
  ["fasten tui prod.db --filter 'severity:error since:-1d'", 'what went wrong since yesterday'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  if (!world.out.isTerminal)
    throw usageError('BAD_TERMINAL', 'the output is no terminal', {
      hint: 'use fasten tail or fasten query in pipes',
    })
  const target = targetOf(args, world.env, args.words[0])
  const show = world.showScreen ?? (await installed(world.cwd))
  const { openReader } = await import('../open-reader.ts')
  const open = (asked: Target) => openReader(asked, world.env, () => {})
  await show({
    place: placeText(target, world.env),
    filter: args.text('filter') ?? '',
    isColoured: world.out.look.paint('good', '.') !== '.',
    clock: world.clock,
    signal: world.signal,
    open: () => open(target),
    async verify(signal, onRead) {
      const reader = await open(patient(target))
      try {
        return await reader.verify({}, signal, await trustFor(target, args, world), onRead)
      } finally {
        await reader.close()
      }
    },
  })
  return exitCodes.ok
}

async function installed(cwd: string): Promise<ShowScreen> {
  const { companion } = await import('../companion.ts')
  return (await companion<{ readonly showScreen: ShowScreen }>('fasten-tui', cwd)).showScreen
}

function placeText(target: Target, env: World['env']): string {
  if (target.kind === 'url') return target.url
  return hideSecrets(target.kind === 'store' ? target.text : env['FASTEN_AUDIT_DSN'] || './fasten.db')
}
