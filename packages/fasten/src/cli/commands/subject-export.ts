// SPDX-License-Identifier: Apache-2.0
import type { JsonValue } from '../../core/row.ts'
import type { SubjectReport } from '../../store/privacy/subject-report.ts'
import { type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { counted } from '../print/values.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { actorOf, erasureOptions } from './erase.ts'

export const name = 'subject export'
export const summary = 'everything the audit trail keeps about one person, with their values disclosed'
export const description =
  'SUBJECT is the person as the rows name them. Rows in which they are actor, principal or target, and rows that keep values about ' +
  'them, come with those values; values about other people stay sealed. Reading leaves a row SUBJECT_ACCESSED in the trail, which ' +
  'names the person by pseudonym only.'
export const words = [{ name: 'subject', summary: 'whose rows to read', isRequired: true }]
export const options: readonly OptionSpec[] = [
  { name: 'ndjson', summary: 'one row a line, and no summary' },
  ...erasureOptions.map((option) =>
    option.name === 'json' ? { ...option, summary: 'summary and rows as one JSON object' } : option,
  ),
]
export const examples = [
  ['fasten subject export user:42 --json > user-42.json', 'an answer to an access request'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ openPrivacyPlace }, { reportSubject }] = await Promise.all([
    import('../privacy-place.ts'),
    import('../../store/privacy/subject-report.ts'),
  ])
  const { store, personal, ring } = await openPrivacyPlace(args, world)
  try {
    const report = await reportSubject({
      store,
      personal,
      ring,
      tenant: args.text('tenant') ?? '',
      subject: args.words[0] ?? '',
      actor: actorOf(args),
    })
    if (args.flag('ndjson')) await world.out.lines(report.rows.map(jsonLine))
    else if (args.flag('json')) await world.out.line(jsonLine(report))
    else await world.out.lines(readable(report))
    return report.rows.length === 0 ? exitCodes.findings : exitCodes.ok
  } finally {
    await store.close()
  }
}

function readable({ subject, rows, counts, first_at, last_at }: SubjectReport): readonly string[] {
  const lines = [
    `${visible(subject)}: ${counted(rows.length, 'row')}${first_at === null ? '' : `, ${first_at} to ${last_at ?? ''}`}`,
    ...Object.entries(counts).map(([code, times]) => `  ${visible(code)}: ${times}`),
    '',
  ]
  for (const { row, disclosures } of rows) {
    lines.push(
      `${row.timestamp}  ${visible(row.code)}  ${visible(row.outcome)}  (${visible(row.log)} ${row.monotonic_seq})`,
    )
    for (const [pointer, { state, value }] of Object.entries(disclosures))
      lines.push(`    ${visible(pointer.slice(1))}: ${state === 'disclosed' ? shown(value) : `(${state})`}`)
  }
  return lines
}

const shown = (value: JsonValue | undefined): string =>
  visible(typeof value === 'string' ? value : JSON.stringify(value ?? null))
