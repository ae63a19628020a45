// SPDX-License-Identifier: Apache-2.0
import type { PlannedRows, SweepPlan } from '../../store/retention/plan.ts'
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { table, type Column } from '../print/table.ts'
import { counted, grouped } from '../print/values.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { retentionOptions } from '../retention-store.ts'

export const name = 'retention plan'
export const summary = 'show what the next sweep would take, and change nothing'
export const description =
  'Judges the rows that may be due by the policy of the environment (FASTEN_AUDIT_RETENTION_OVERRIDE, FASTEN_SYS_RETENTION_DAYS, ' +
  'FASTEN_API_RETENTION_DAYS): what would go by log, class and code, what stays although its time is up, and when the next rows are due.'
export const words = [{ name: 'target', summary: 'the same as --store', isFile: true }]
export const options: readonly OptionSpec[] = [
  { name: 'json', short: 'j', summary: 'one JSON object for each store' },
  { name: 'service', value: '<id>', summary: 'only logs of this service' },
  { name: 'trust-clock', summary: 'judge by the wall clock, also where nobody saw that time pass' },
  ...retentionOptions,
]
export const examples = [
  ['fasten retention plan ./fasten.db', 'what would go now, by the built-in classes'],
  ['FASTEN_AUDIT_RETENTION_CLASS_LONG=365 fasten retention plan', 'what a shorter period would mean'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [
    { policyOfEnv },
    { planSweep },
    { createReading, shownStore, withPrunable },
    { sha256 },
    { fullEnv },
    { fleetSettings },
  ] = await Promise.all([
    import('../../capture/retention-settings.ts'),
    import('../../store/retention/plan.ts'),
    import('../retention-store.ts'),
    import('../../store/platform.ts'),
    import('../places.ts'),
    import('../../capture/config.ts'),
  ])
  const policy = policyOfEnv(fullEnv(world.env))
  const reading = createReading(world.clock)
  await withPrunable(args, world, 'read', async (open) => {
    const plan = await planSweep({
      pruner: open.pruner,
      policy,
      digest: sha256,
      nowMicros: await open.pruner.retentionTime(reading(), args.flag('trust-clock')),
      service_id: args.text('service'),
      needsCheckpoint: open.isSigned,
      needsReplication: fleetSettings(fullEnv(world.env)) !== undefined,
    })
    const store = await shownStore(open)
    if (args.flag('json')) return world.out.line(jsonLine({ store, ...plan }))
    await world.out.lines(table(plan.planned, columns, world.out.look))
    await world.err.lines(summaryOf(store, plan))
  })
  return exitCodes.ok
}

const columns: readonly Column<PlannedRows>[] = [
  { title: 'rows', text: ({ rows }) => grouped(rows), align: 'right' },
  { title: 'class', text: (planned) => visible(planned.class) },
  { title: 'code', text: ({ code }) => visible(code), yields: 2, keeps: 12 },
  { title: 'log', text: ({ log }) => visible(log), yields: 1, keeps: 12, cut: 'middle' },
]

function summaryOf(
  store: string,
  { rows, details, oldest, kept, next_due, retention_time }: SweepPlan,
): readonly string[] {
  return [
    `${visible(store)}: ${counted(rows, 'row')} would go${oldest === null ? '' : `, the oldest of ${oldest.slice(0, 19)}Z`}`,
    ...(details > 0
      ? [`the personal details of ${counted(details, 'row')} would go, the rows would stay`]
      : []),
    ...keptLines(kept),
    `retention time is ${retention_time.slice(0, 19)}Z; ${next_due === null ? 'nothing else is known to be due' : `the next rows are due ${next_due.slice(0, 19)}Z`}`,
  ]
}

/** Why rows stay although their time is up; no lines for none. */
export function keptLines({ held, unreplicated, unanchored }: SweepPlan['kept']): readonly string[] {
  return [
    ...(held > 0 ? [`${counted(held, 'row')} kept by a hold`] : []),
    ...(unreplicated > 0 ? [`${counted(unreplicated, 'row')} kept until replicated`] : []),
    ...(unanchored > 0 ? [`${counted(unanchored, 'row')} kept until a signed checkpoint covers them`] : []),
  ]
}
