// SPDX-License-Identifier: Apache-2.0
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import type { Check, CheckResult } from '../doctor/check.ts'
import { checkLines, checksSummary } from '../print/checks-view.ts'
import { jsonLine } from '../../core/visible.ts'
import { targetOf, targetOptions, type Target } from '../target.ts'

export const name = 'doctor'
export const summary = 'check configuration, disk, store, delivery and chain, and say what to do'
export const description =
  'Looks at everything between emit() and a stored, provable row. Unless told otherwise it also writes one marked row (code ' +
  'DOCTOR_PROBE, in a log of its own) and follows it until it is stored and read back. Values of secrets are never shown. ' +
  'Exit code 1 when a check fails; warnings do not count.'
export const words = [{ name: 'target', summary: 'the same as --store', isFile: true }]

export const options: readonly OptionSpec[] = [
  { name: 'read-only', summary: 'change nothing: no probe row, no timing of the disk' },
  {
    name: 'emit',
    summary: 'write the probe row also where there is no database yet, or as another user than its owner',
  },
  { name: 'full', summary: 'verify every row instead of the newest ones' },
  { name: 'json', short: 'j', summary: 'results as one JSON object' },
  ...targetOptions,
]

export const examples = [
  ['fasten doctor', 'this machine, as FASTEN_* describes it'],
  ['fasten doctor --url https://host/api/v1/logs', 'a running service'],
  ['fasten doctor --read-only --json | jq .failures', 'for a monitor'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const target = targetOf(args, world.env, args.words[0])
  const { out } = world
  const isJson = args.flag('json')
  const results: CheckResult[] = []
  if (!isJson) await out.lines(['fasten doctor', ''])
  const { runChecks } = await import('../doctor/check.ts')
  const { checks, close } = await checksFor(target, args, world)
  try {
    for await (const result of runChecks(checks)) {
      results.push(result)
      if (!isJson) await out.lines(checkLines(result, out.look))
    }
  } finally {
    await close()
  }
  const failures = results.filter((result) => result.status === 'fail').length
  if (isJson)
    await out.line(
      jsonLine({ results, failures, warnings: results.filter((result) => result.status === 'warn').length }),
    )
  else await out.lines(['', checksSummary(results, out.look)])
  return failures === 0 ? exitCodes.ok : exitCodes.findings
}

interface Plan {
  readonly checks: readonly Check[]
  close(): Promise<void>
}

async function checksFor(target: Target, args: Args, world: World): Promise<Plan> {
  const about = {
    isFull: args.flag('full'),
    isReadOnly: args.flag('read-only'),
    isEmitForced: args.flag('emit'),
  }
  if (target.kind !== 'url') return (await import('../doctor/local-plan.ts')).localPlan(target, about, world)
  return (await import('../doctor/remote-plan.ts')).remotePlan(target, about, world)
}
