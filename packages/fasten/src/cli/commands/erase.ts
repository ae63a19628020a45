// SPDX-License-Identifier: Apache-2.0
import { userInfo } from 'node:os'
import { FastenError } from '../../core/error.ts'
import { personalSignOf } from '../../core/personal-signs.ts'
import { formatMicros } from '../../core/timestamp.ts'
import type { ErasureReceipt } from '../../store/privacy/erase-subject.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { counted } from '../print/values.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { targetOptions } from '../target.ts'

export const name = 'erase'
export const summary = "destroy one person's values in the audit trail; the trail still verifies"
export const description =
  'SUBJECT is the person as the rows name them (the actor, the target, or the member that a code declares). Their data keys and ' +
  'encrypted values are destroyed, each log they were in gets a row that accounts for them, and no hash changes. Without --yes ' +
  'it only says what it would do. The receipt says what is done and what only time can do.'
export const words = [{ name: 'subject', summary: 'whose values to destroy', isRequired: true }]

/** What `erase request` and `erase approve` take as well. */
export const erasureOptions: readonly OptionSpec[] = [
  { name: 'tenant', value: '<id>', summary: 'the tenant whose rows are meant; none unless given' },
  { name: 'by', value: '<name>', summary: 'who does it, for the record (default: the user of this system)' },
  { name: 'json', short: 'j', summary: 'the plan or receipt as one JSON object' },
  ...targetOptions.filter((option) => option.name === 'store'),
]

export const options: readonly OptionSpec[] = [
  {
    name: 'basis',
    value: '<ground>',
    summary: 'the legal ground, kept for ever in the trail, e.g. "GDPR Art. 17(1)(b)"; must not name anybody',
  },
  { name: 'yes', short: 'y', summary: 'really do it' },
  { name: 'dry-run', summary: 'only say what would be done (the default)' },
  ...erasureOptions,
]

export const examples = [
  ['fasten erase user:42', 'what would be destroyed'],
  [
    'fasten erase user:42 --basis "GDPR Art. 17(1)(b)" --yes > receipt.json --json',
    'destroyed, with a receipt',
  ],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const isDry = !args.flag('yes')
  if (args.flag('yes') && args.flag('dry-run'))
    throw usageError('BAD_OPTION', '--yes and --dry-run contradict each other')
  const basis = args.text('basis')
  if (!isDry && (basis === undefined || basis.trim() === ''))
    throw usageError('BAD_OPTION', 'an erasure needs --basis, the legal ground it rests on')
  if (!isDry && world.env['FASTEN_ERASURE_APPROVALS'] === '2')
    throw usageError('BAD_OPTION', 'here an erasure takes two people (FASTEN_ERASURE_APPROVALS=2)', {
      hint: 'fasten erase request, and somebody else: fasten erase approve',
    })
  if (isDry) return showPlan(args, world)
  return erase({
    args,
    world,
    subject: args.words[0] ?? '',
    basis: basis ?? '',
    tenant: args.text('tenant') ?? '',
    actor: actorOf(args),
  })
}

/** Erases, prints the receipt, and answers the exit code: findings when something is left to do, be it a signature. */
export async function erase({
  args,
  world,
  subject,
  basis,
  tenant,
  actor,
}: {
  readonly args: Args
  readonly world: World
  readonly subject: string
  readonly basis: string
  readonly tenant: string
  readonly actor: string
}): Promise<number> {
  refuseNaming(basis, subject)
  const [{ openPrivacyPlace }, { eraseSubject }, { existingSigning, signNow }] = await Promise.all([
    import('../privacy-place.ts'),
    import('../../store/privacy/erase-subject.ts'),
    import('../signing.ts'),
  ])
  const { place, store, personal, ring, ledger, spoolRoot } = await openPrivacyPlace(args, world)
  try {
    const receipt = await eraseSubject({
      store: { ...personal, spoolPosition: (spool) => store.spoolPosition(spool) },
      ring,
      ledger,
      spoolRoot,
      tenant,
      subject,
      basis,
      erased_at: formatMicros(world.clock.nowMicros()),
      actor,
    })
    await printReceipt(receipt, args, world)
    try {
      // What is gone is explained by rows that somebody signed, or it is not explained. Other streams may have no table here.
      const signing = existingSigning(place, world.env)
      if (signing !== undefined) await signNow({ ...place, streams: ['audit'] }, signing, world)
    } catch (error) {
      if (!(error instanceof FastenError)) throw error
      await world.err.line(
        `the erasure is done and need not be run again; the rows that tell of it are not signed yet: ${visible(error.toLine())}`,
      )
      return exitCodes.findings
    }
    return receipt.is_complete ? exitCodes.ok : exitCodes.findings
  } finally {
    await store.close()
  }
}

/** The legal ground is kept for ever, in the leaf of a row: a person named in it could never be erased. */
export function refuseNaming(basis: string, subject: string): void {
  const bare = subject.slice(subject.lastIndexOf(':') + 1)
  const isNamed = [subject, bare].some(
    (one) => one.length > 3 && basis.toLowerCase().includes(one.toLowerCase()),
  )
  const isLikeOne = basis.split(/\s+/).some((word) => personalSignOf(word) !== undefined)
  if (!isNamed && !isLikeOne) return
  throw usageError('BAD_OPTION', '--basis names somebody, and is kept for ever', {
    hint: 'give the ground alone, e.g. "GDPR Art. 17(1)(b)"',
  })
}

/** The person at the keyboard, as the trail names them. */
export const actorOf = (args: Args): string => args.text('by') ?? userInfo().username

async function showPlan(args: Args, world: World): Promise<number> {
  const [{ openPrivacyPlace }, { planErasure }] = await Promise.all([
    import('../privacy-place.ts'),
    import('../../store/privacy/erase-subject.ts'),
  ])
  const { store, personal, ring, ledger, spoolRoot } = await openPrivacyPlace(args, world)
  try {
    const plan = await planErasure({
      store: { ...personal, spoolPosition: (spool) => store.spoolPosition(spool) },
      ring,
      ledger,
      spoolRoot,
      tenant: args.text('tenant') ?? '',
      subject: args.words[0] ?? '',
      basis: '',
      erased_at: '',
    })
    if (args.flag('json')) await world.out.line(jsonLine(plan))
    else {
      const values = plan.logs.reduce((sum, log) => sum + log.values, 0)
      await world.out.line(
        `would destroy ${counted(plan.key_ids.length, 'key')} and ${counted(values, 'value')}`,
      )
      await world.out.lines(
        plan.logs.map(
          (log) => `  ${visible(log.log)}: ${counted(log.values, 'value')} in ${counted(log.rows, 'row')}`,
        ),
      )
      await world.err.line('nothing was changed; add --basis and --yes to do it')
    }
    return plan.key_ids.length === 0 ? exitCodes.findings : exitCodes.ok
  } finally {
    await store.close()
  }
}

async function printReceipt(receipt: ErasureReceipt, args: Args, world: World): Promise<void> {
  if (args.flag('json')) return world.out.line(jsonLine(receipt))
  await world.out.line(
    `erased ${receipt.subject}: ${counted(receipt.values, 'value')} in ${counted(receipt.rows, 'row')}, ${counted(receipt.key_ids.length, 'key')} destroyed`,
  )
  await world.out.lines(receipt.done.map((text) => `  done: ${visible(text)}`))
  await world.out.lines(receipt.remaining.map((text) => `  remains: ${visible(text)}`))
}
