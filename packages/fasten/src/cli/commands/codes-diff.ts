// SPDX-License-Identifier: Apache-2.0
import type { CodeChange, CodeDiff } from '../../capture/codes-diff.ts'
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { pad, width } from '../print/width.ts'
import { counted } from '../print/values.ts'
import { jsonLine, visible } from '../../core/visible.ts'

export const name = 'codes diff'
export const summary = 'compare two catalogues and judge what breaks emitters, readers or evidence'
export const description =
  'Names every code and member that came, went or changed, with the reason where it breaks something. Exit code 1 when there is a ' +
  'breaking change, 0 when all changes are compatible or there are none.'
export const words = [
  {
    name: 'before',
    summary: 'file, folder or quoted pattern of the old catalogue',
    isRequired: true,
    isFile: true,
  },
  { name: 'after', summary: 'the same of the new one', isRequired: true, isFile: true },
]

export const options: readonly OptionSpec[] = [
  { name: 'json', short: 'j', summary: 'the comparison as one JSON object' },
]

export const examples = [['fasten codes diff main/codes codes', 'what a branch changes']] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ requireSound }, { openCatalogue }, { diffCodes }] = await Promise.all([
    import('../catalogue.ts'),
    import('../../capture/codes-check.ts'),
    import('../../capture/codes-diff.ts'),
  ])
  const [before, after] = args.words.map(
    (pattern) => requireSound(openCatalogue([pattern], world.cwd), world.cwd).codes,
  )
  if (before === undefined || after === undefined) throw new TypeError('the parser demands two words')
  const diff = diffCodes(before, after)
  if (args.flag('json')) await world.out.line(jsonLine(diff))
  else await world.out.lines(diffLines(diff, world))
  return diff.verdict === 'breaking' ? exitCodes.findings : exitCodes.ok
}

function diffLines(diff: CodeDiff, world: World): readonly string[] {
  const { paint } = world.out.look
  const subjects = diff.changes.map(subject)
  const columns = subjects.reduce((most, text) => Math.max(most, width(text)), 0)
  const lines = diff.changes.map((change, index) => {
    const isBreaking = change.compatibility === 'breaking'
    const sign = isBreaking ? paint('danger', '!') : paint('quiet', ' ')
    const values = change.member === '' ? '' : `${value(change.before)} → ${value(change.after)}  `
    return `${sign} ${pad(subjects[index] ?? '', columns)}  ${values}${paint(isBreaking ? 'danger' : 'quiet', visible(change.reason))}`
  })
  const breaking = diff.changes.filter((change) => change.compatibility === 'breaking').length
  const verdict =
    diff.verdict === 'none'
      ? 'no change'
      : `${counted(diff.changes.length, 'change')}, ${breaking === 0 ? 'none' : breaking} breaking`
  return [...lines, `${breaking === 0 ? paint('good', '✓') : paint('alarm', '✗')} ${verdict}`]
}

function subject(change: CodeChange): string {
  if (change.member !== '') return visible(`~ ${change.code}.${change.member}`)
  return visible(`${change.before === undefined ? '+' : '-'} ${change.code}`)
}

function value(of: unknown): string {
  return of === undefined ? 'nothing' : typeof of === 'string' ? visible(of) || '""' : jsonLine(of)
}
