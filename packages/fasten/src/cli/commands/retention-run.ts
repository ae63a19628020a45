// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import type { SweepReport } from '../../store/retention/sweep.ts'
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { bytes, counted } from '../print/values.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { retentionOptions } from '../retention-store.ts'
import { keptLines } from './retention-plan.ts'

export const name = 'retention run'
export const summary = 'sweep expired rows now, and give their space back'
export const description =
  'Takes the content of rows whose time is up by the policy of the environment, keeps their hashes, and says in each log which rows went. ' +
  'A service sweeps its own logs by itself every FASTEN_RETENTION_SWEEP_INTERVAL; this does it at once, for all logs of the store. ' +
  'Exit code 0: nothing that is due is left. 1: some of it stays (a hold, a missing checkpoint), the rows that tell of it could not be signed, or another process is sweeping.'
export const words = [{ name: 'target', summary: 'the same as --store', isFile: true }]
export const options: readonly OptionSpec[] = [
  { name: 'json', short: 'j', summary: 'one JSON object for each store' },
  { name: 'service', value: '<id>', summary: 'only logs of this service' },
  {
    name: 'trust-clock',
    summary: 'take the wall clock as it is: after time in which no machine ran, say so once',
  },
  ...retentionOptions,
]
export const examples = [
  ['fasten retention run ./fasten.db', 'sweep this store'],
  ['fasten retention run --json', 'for a timer: what was done, as data'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [
    { policyOfEnv },
    { sweep },
    { createReading, shownStore, withPrunable },
    { sha256 },
    { fullEnv },
    { fleetSettings },
    { existingSigning, signNow },
  ] = await Promise.all([
    import('../../capture/retention-settings.ts'),
    import('../../store/retention/sweep.ts'),
    import('../retention-store.ts'),
    import('../../store/platform.ts'),
    import('../places.ts'),
    import('../../capture/config.ts'),
    import('../signing.ts'),
  ])
  const policy = policyOfEnv(fullEnv(world.env))
  const reading = createReading(world.clock)
  let isDone = true
  await withPrunable(args, world, 'write', async (open) => {
    const report = await sweep({
      clock: world.clock,
      pruner: open.pruner,
      policy,
      digest: sha256,
      reading,
      service_id: args.text('service'),
      needsReplication: fleetSettings(fullEnv(world.env)) !== undefined,
      needsCheckpoint: open.isSigned,
      trustsWall: args.flag('trust-clock'),
      mayRewrite: true,
      isStopped: () => world.signal.aborted,
    })
    const store = await shownStore(open)
    isDone &&= report !== null && Object.values(report.kept).every((rows) => rows === 0)
    if (args.flag('json'))
      await world.out.line(jsonLine({ store, ...(report ?? { is_busy: true, rows: 0 }) }))
    else await world.out.lines(linesOf(visible(store), report))
    if (!open.isSigned || report === null || report.rows + report.details === 0) return
    try {
      // What is gone is explained by rows that somebody signed, or it is not explained.
      const signing = existingSigning(open.place, world.env)
      if (signing !== undefined) await signNow(open.place, signing, world)
    } catch (error) {
      if (!(error instanceof FastenError)) throw error
      isDone = false
      await world.err.line(
        `the sweep is done and need not be run again; the rows that tell of it are not signed yet: ${visible(error.toLine())}`,
      )
    }
  })
  return isDone ? exitCodes.ok : exitCodes.findings
}

function linesOf(store: string, report: SweepReport | null): readonly string[] {
  if (report === null) return [`${store}: another process is sweeping it`]
  const { rows, classes, details, logs, kept, bytes: size } = report
  const by = Object.entries(classes).map(([of, count]) => `${visible(of)} ${count}`)
  const took =
    rows === 0
      ? 'nothing was due'
      : `${counted(rows, 'row')} swept (${by.join(', ')}) in ${counted(logs.length, 'log')}`
  return [
    `${store}: ${took}${size === null ? '' : `; the file has ${bytes(size)}`}`,
    ...(details > 0 ? [`the personal details of ${counted(details, 'row')} swept, the rows stay`] : []),
    ...keptLines(kept),
  ]
}
